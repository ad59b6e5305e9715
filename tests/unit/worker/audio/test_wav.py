"""Decoded audio as a WAV file."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from wav2vec2_app.worker.audio.wav import wav_of


@pytest.mark.parametrize("samples", [1, 16_000, 160_000])
def test_file_is_16_bit_mono_at_16_khz_and_has_all_samples(samples: int) -> None:
    sent = np.linspace(-1, 1, samples, dtype=np.float32)

    wav = wav_of(sent)

    with soundfile.SoundFile(io.BytesIO(wav)) as file:
        assert (file.format, file.subtype) == ("WAV", "PCM_16")
        assert (file.samplerate, file.channels) == (16_000, 1)
        assert np.abs(file.read(dtype="float32") - sent).max() <= 2 / 32768
    assert len(wav) == 44 + 2 * samples


def test_samples_out_of_range_are_clipped() -> None:
    wav = wav_of(np.array([-9, -1.5, 1.5, 9, np.nan, np.inf], dtype=np.float32))

    read, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert read.tolist() == [-32768, -32768, 32767, 32767, 0, 32767]

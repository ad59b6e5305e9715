"""Samples that are of another encoding than the start message says."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from tests.examples import clips
from wav2vec2_app.server.live.encoding import EXAMINED_BYTES, EncodingCheck, looks_like

SPEECH = soundfile.read(clips()[0].path, dtype="float32")[0]


def noise(level: float) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(16_000) * level).astype(np.float32)


SOUNDS = {
    "speech": SPEECH,
    "quiet speech": SPEECH * 0.01,
    "loud speech": np.clip(SPEECH * 10, -1, 1),
    "quiet noise": noise(0.001),
    "noise": noise(0.1),
    "tone": (0.5 * np.sin(np.arange(16_000) * 0.1)).astype(np.float32),
}


def s16(samples: np.ndarray, kind: str = "<i2") -> bytes:
    return np.round(np.clip(samples, -1, 1) * 32767).astype(kind).tobytes()


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("start", [0, 4000])
def test_right_encoding_gives_no_notice(name: str, start: int) -> None:
    samples = SOUNDS[name][start:]

    assert looks_like(s16(samples)[:EXAMINED_BYTES], "s16le") == ""
    assert looks_like(samples.astype("<f4").tobytes()[:EXAMINED_BYTES], "f32le") == ""


@pytest.mark.parametrize("name", SOUNDS)
def test_floats_sent_as_16_bit_are_noticed(name: str) -> None:
    assert looks_like(SOUNDS[name].astype("<f4").tobytes()[:EXAMINED_BYTES], "s16le") == "f32le"


@pytest.mark.parametrize("name", SOUNDS)
def test_16_bit_sent_as_floats_is_noticed(name: str) -> None:
    assert looks_like(s16(SOUNDS[name])[:EXAMINED_BYTES], "f32le") == "s16le"


@pytest.mark.parametrize("name", ["speech", "loud speech", "tone"])
def test_other_byte_order_is_noticed(name: str) -> None:
    assert looks_like(s16(SOUNDS[name], ">i2")[:EXAMINED_BYTES], "s16le") == "16-bit big-endian"


@pytest.mark.parametrize("encoding", ["s16le", "f32le"])
@pytest.mark.parametrize("pcm", [b"", bytes(16_000), b"\1" * 100])
def test_silence_and_short_audio_give_no_notice(encoding: str, pcm: bytes) -> None:
    assert looks_like(pcm, encoding) == ""


@pytest.mark.parametrize("size", [1, 320, 3200, 50_000])
@pytest.mark.parametrize("silence", [0, 30_000])
def test_notice_is_given_once(size: int, silence: int) -> None:
    pcm = bytes(silence) + SPEECH.astype("<f4").tobytes()[:60_000]
    check = EncodingCheck("s16le")

    notices = [check.add(pcm[at : at + size]) for at in range(0, len(pcm), size)] + [check.finish()]

    assert [notice for notice in notices if notice] == [
        "The samples look like f32le, but the start message says s16le. "
        "Send `encoding` in the start message."
    ]


@pytest.mark.parametrize("head", [b"RIFF1234WAVE", b"\x1aE\xdf\xa3webm", b"OggS", b"fLaC", b"ID3"])
def test_container_is_noticed(head: bytes) -> None:
    assert "container" in EncodingCheck("s16le").add(head + bytes(100))

"""Every format that users may upload, through the real server, with the real client."""

from pathlib import Path

import jiwer
import numpy as np
import pytest
import soxr
from gradio_client import Client, handle_file

from tests.audio_files import FORMATS, accepts, suffix, write_audio
from tests.examples import clips

pytestmark = pytest.mark.integration

CLIP = clips()[0]
LOSSY_TOLERANCE = 0.35
"""Word error rate against the original clip; codecs, 8 bits and 8 kHz cost a small model words."""


@pytest.fixture(scope="module")
def expected(client: Client) -> str:
    """The transcript of the original clip."""
    answer = client.predict(handle_file(str(CLIP.path)), "auto", api_name="/transcribe")
    assert answer["text"]
    return str(answer["text"])


@pytest.mark.parametrize("fmt", FORMATS)
def test_format_is_transcribed(fmt: str, client: Client, expected: str, tmp_path: Path) -> None:
    rate_hz = 16_000 if accepts(fmt, 16_000) else 48_000
    samples = soxr.resample(CLIP.samples(), 16_000, rate_hz)
    path = write_audio(tmp_path / f"clip{suffix(fmt)}", samples, rate_hz, fmt)

    answer = client.predict(handle_file(str(path)), "auto", api_name="/transcribe")

    assert "error" not in answer, answer
    assert answer["duration_s"] == pytest.approx(len(CLIP.samples()) / 16_000, abs=0.15)
    assert jiwer.cer(expected, answer["text"]) <= LOSSY_TOLERANCE


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_rate_and_channels_are_transcribed(
    rate_hz: int, channels: int, client: Client, expected: str, tmp_path: Path
) -> None:
    mono = soxr.resample(CLIP.samples(), 16_000, rate_hz)
    samples = np.stack([mono] * channels, axis=1) if channels > 1 else mono
    path = write_audio(tmp_path / "clip.wav", samples, rate_hz, "wav-s16")

    answer = client.predict(handle_file(str(path)), "auto", api_name="/transcribe")

    assert "error" not in answer, answer
    tolerance = 0.6 if rate_hz < 16_000 else 0.1  # half of the band is missing at 8 kHz
    assert jiwer.cer(expected, answer["text"]) <= tolerance

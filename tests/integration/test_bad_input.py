"""Unusable input, sent to the real server: every response has a code and a hint."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file

from benchmarks.server import RunningServer
from tests.examples import clips

pytestmark = pytest.mark.integration


def wav(path: Path, samples: np.ndarray, rate_hz: int = 16_000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def tone(seconds: float, rate_hz: int = 16_000) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate_hz)) / rate_hz)


def make(case: str, path: Path) -> Path:
    """The unusable file of a case."""
    if case == "empty":
        path.write_bytes(b"")
    elif case == "text":
        path.write_text("This is a shopping list, not a sound.\n" * 50)
    elif case == "no samples":
        wav(path, np.zeros(0))
    elif case == "not a number":
        wav(path, np.full(16_000, np.nan, dtype=np.float32), subtype="FLOAT")
    elif case == "infinite":
        samples = tone(1.0).astype(np.float32)
        samples[100] = np.inf
        wav(path, samples, subtype="FLOAT")
    elif case == "too short":
        wav(path, tone(0.02))
    elif case == "too long":
        wav(path, tone(61.0))
    elif case == "too large":
        wav(path, np.zeros((6_000_000, 2)), rate_hz=192_000, subtype="PCM_32")
    elif case == "header only":
        path.write_bytes(wav(path, tone(1.0)).read_bytes()[:20])
    return path


CASES = {
    "empty": "audio.empty_file",
    "text": "audio.not_audio",
    "no samples": "audio.no_samples",
    "not a number": "audio.not_finite",
    "infinite": "audio.not_finite",
    "too short": "audio.too_short",
    "too long": "audio.too_long",
    "too large": "audio.too_large",
    "header only": "audio.broken",
}


@pytest.mark.parametrize(("case", "code"), CASES.items())
def test_unusable_audio_is_rejected_with_code_and_hint(
    case: str, code: str, client: Client, tmp_path: Path
) -> None:
    path = make(case, tmp_path / "upload.wav")

    answer = client.predict(handle_file(str(path)), "auto", api_name="/transcribe")

    assert answer["error"]["code"] == code
    assert answer["error"]["hint"]
    assert answer["error"]["layer"] == "validation"
    assert str(tmp_path) not in str(answer)
    assert "Traceback" not in str(answer)


@pytest.mark.parametrize("case", ["silence", "truncated", "192 kHz", "8 channels"])
def test_unusual_audio_is_transcribed(case: str, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    if case == "silence":
        wav(path, np.zeros(32_000))
    elif case == "truncated":
        path = tmp_path / "odd.flac"
        whole = clips()[0].path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif case == "192 kHz":
        wav(path, tone(1.0, 192_000), rate_hz=192_000)
    else:
        wav(path, np.stack([tone(1.0)] * 8, axis=1))

    answer = client.predict(handle_file(str(path)), "auto", api_name="/transcribe")

    assert "error" not in answer, answer
    if case == "silence":
        assert (answer["text"], answer["reason"]) == ("", "silence")
    if case == "truncated":
        assert answer["audio"]["warnings"]
        assert 0 < answer["duration_s"] < len(clips()[0].samples()) / 16_000


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("unknown/model", "model.unknown"),
        ("../../etc", "model.unknown"),
        ("facebook/wav2vec2-base-960h", "model.not_on_disk"),
        ("weightless", "model.no_weights"),
    ],
)
def test_unavailable_model_is_rejected(model: str, code: str, client: Client) -> None:
    answer = client.predict(handle_file(str(clips()[0].path)), model, api_name="/transcribe")

    assert answer["error"]["code"] == code
    assert answer["error"]["hint"]


def test_folder_model_can_be_chosen(client: Client, tiny_folder: Path) -> None:
    clip = handle_file(str(clips()[0].path))

    answer = client.predict(clip, tiny_folder.name, api_name="/transcribe")

    assert answer["model"]["name"] == tiny_folder.name


def test_server_still_responds_afterwards(client: Client, server: RunningServer) -> None:
    answer = client.predict(handle_file(str(clips()[0].path)), "auto", api_name="/transcribe")

    assert answer["text"]
    assert server.process.poll() is None

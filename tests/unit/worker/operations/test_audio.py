from __future__ import annotations

import json
import uuid
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.audio_files import tone, write_audio
from wav2vec2_app.errors import CancelledError, InputError
from wav2vec2_app.protocol.frame import Frame
from wav2vec2_app.speech.audio import AudioProbe
from wav2vec2_app.worker.loop import Call, Operations, Reply
from wav2vec2_app.worker.operations.audio import create

LIMITS = {"max_duration_s": 5.0, "max_bytes": 10_000_000}
EMISSION_META = {
    "vocabulary": ["<pad>", "|", "A"],
    "blank_id": 0,
    "word_delimiter": "|",
    "frame_s": 0.02,
    "special": [],
    "calibration": None,
    "prior": None,
}


@pytest.fixture(scope="module")
def operations() -> Operations:
    return create(LIMITS)


class Run:
    """Runs one operation and keeps what it sent on the way."""

    def __init__(
        self, operations: Operations, op: str, meta: dict[str, Any], **arrays: Any
    ) -> None:
        self.sent: list[Frame] = []
        self.call = Call(Frame("request", str(uuid.uuid4()), op, meta, arrays), self.sent.append)
        self._handler = operations.handlers[op]

    def reply(self) -> Reply:
        reply = self._handler(self.call)
        json.dumps(dict(reply.meta), allow_nan=False)
        return reply


@pytest.fixture
def clip(tmp_path):
    return write_audio(tmp_path / "clip.wav", tone(1.0, 48_000), 48_000, "wav-s16")


def analyzed(operations: Operations, samples: np.ndarray) -> Reply:
    return Run(operations, "analyze", {}, samples=samples).reply()


def test_probe_tells_every_field_of_a_probe(operations: Operations, clip) -> None:
    meta = Run(operations, "probe", {"path": str(clip), "name": "clip.wav"}).reply().meta

    assert AudioProbe(**meta) == AudioProbe(1.0, True, 48_000, 1, "wav/pcm_16", clip.stat().st_size)


def test_probe_refuses_what_is_too_long(operations: Operations, tmp_path) -> None:
    path = write_audio(tmp_path / "long.wav", tone(6.0), 16_000, "wav-s16")

    with pytest.raises(InputError) as caught:
        Run(operations, "probe", {"path": str(path)}).reply()

    assert caught.value.code == "audio.too_long"


@pytest.mark.parametrize("from_bytes", [True, False])
def test_decode_gives_samples_and_its_stages(operations: Operations, clip, from_bytes) -> None:
    if from_bytes:
        run = Run(operations, "decode", {}, bytes=np.frombuffer(clip.read_bytes(), np.uint8))
    else:
        run = Run(operations, "decode", {"path": str(clip)})

    reply = run.reply()

    assert reply.arrays["samples"].shape == (16_000,)
    assert reply.meta["original_rate_hz"] == 48_000
    assert [stage["name"] for stage in reply.meta["stages"]] == ["decode audio", "resample"]
    first, second = reply.meta["stages"]
    assert second["start_s"] == pytest.approx(first["duration_s"])


@pytest.mark.parametrize(("op", "meta", "code"), [
    ("decode", {}, "audio.missing"),
    ("decode", {"path": "/nowhere/at/all.wav"}, "audio.missing"),
    ("analyze", {}, "audio.no_samples"),
])  # fmt: skip
def test_a_request_without_audio_is_refused(operations: Operations, op, meta, code) -> None:
    with pytest.raises(InputError) as caught:
        Run(operations, op, meta).reply()

    assert caught.value.code == code


def test_a_request_of_zero_bytes_is_an_empty_file(operations: Operations) -> None:
    with pytest.raises(InputError) as caught:
        Run(operations, "decode", {}, bytes=np.zeros(0, np.uint8)).reply()

    assert caught.value.code == "audio.empty_file"


def test_analyze_gives_the_arrays_of_features(operations: Operations) -> None:
    reply = analyzed(operations, tone(1.0))

    assert set(reply.arrays) == {"times_s", "f0_hz", "energy_db", "log_mel_db", "mfcc"}
    assert reply.meta["summary"]["f0_median_hz"] == pytest.approx(440, rel=0.01)
    assert reply.meta["stages"][0]["name"] == "features"


def test_every_picture_is_sent_the_moment_it_is_drawn(operations: Operations) -> None:
    samples = tone(1.0)
    features = analyzed(operations, samples)
    meta = {
        "summary": features.meta["summary"],
        "words": [{"text": "a", "start_s": 0.2, "end_s": 0.5, "confidence": 0.9}],
        "emission": EMISSION_META,
    }
    log_probs = np.log(np.full((50, 3), 1 / 3)).astype(np.float32)
    run = Run(operations, "draw", meta, samples=samples, log_probs=log_probs, **features.arrays)

    reply = run.reply()

    names = [frame.meta["name"] for frame in run.sent]
    assert names == ["waveform", "log_mel", "mfcc", "pitch_energy", "emission"]
    assert [picture["name"] for picture in reply.meta["pictures"]] == names
    for frame in run.sent:
        assert frame.meta["title"]
        assert frame.meta["description"]
        ElementTree.fromstring(frame.arrays["svg"].tobytes())  # noqa: S314 - our own


def test_the_emission_is_skipped_before_a_model_has_heard_the_recording(
    operations: Operations,
) -> None:
    samples = tone(0.5)
    features = analyzed(operations, samples)
    run = Run(
        operations, "draw", {"summary": features.meta["summary"]}, samples=samples,
        **features.arrays,
    )  # fmt: skip

    reply = run.reply()

    assert reply.meta["skipped"] == ["emission"]
    assert len(run.sent) == 4


def test_only_the_pictures_asked_for_are_drawn(operations: Operations) -> None:
    samples = tone(0.5)
    features = analyzed(operations, samples)
    run = Run(
        operations, "draw", {"pictures": ["mfcc"], "summary": {}}, samples=samples,
        **features.arrays,
    )  # fmt: skip
    run.reply()

    assert [frame.meta["name"] for frame in run.sent] == ["mfcc"]


def test_drawing_without_features_is_refused(operations: Operations) -> None:
    with pytest.raises(InputError) as caught:
        Run(operations, "draw", {}, samples=tone(0.5)).reply()

    assert caught.value.code == "picture.needs_features"


def test_drawing_stops_between_pictures_when_cancelled(operations: Operations) -> None:
    samples = tone(0.5)
    features = analyzed(operations, samples)
    meta = {"summary": features.meta["summary"]}
    run = Run(operations, "draw", meta, samples=samples, **features.arrays)
    first_picture_sent = run.sent.append

    def send_then_cancel(frame: Frame) -> None:
        first_picture_sent(frame)
        run.call.cancel()

    run.call._send = send_then_cancel

    with pytest.raises(CancelledError):
        run.reply()
    assert len(run.sent) == 1


@pytest.mark.parametrize("op", ["decode", "analyze"])
def test_decoding_and_measuring_can_be_cancelled(operations: Operations, clip, op) -> None:
    run = Run(operations, op, {"path": str(clip)}, samples=tone(1.0))
    run.call.cancel()

    with pytest.raises(CancelledError):
        run.reply()

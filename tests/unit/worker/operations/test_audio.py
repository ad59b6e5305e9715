from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.audio_files import tone, write_audio
from wav2vec2_app.errors import CancelledError, InputError
from wav2vec2_app.protocol.audio import (
    AnalyzeRequest,
    AnalyzeResponse,
    DecodeAudioRequest,
    DrawRequest,
    MeasureRequest,
    PictureDrawn,
    ProbeRequest,
)
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.speech.audio import AudioProbe, AudioSource, DecodeAudioOptions
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.operations.audio import create

LIMITS = {"max_duration_s": 5.0, "max_bytes": 10_000_000}


@pytest.fixture(scope="module")
def role() -> Role:
    return create(LIMITS)


class Run:
    """Runs one operation, as its context, and notes its progress."""

    def __init__(self, role: Role, request: AnyRequest) -> None:
        self.sent: list[PictureDrawn] = []
        self.cancelled = self.cancel_after_progress = False
        self._request = request
        self._run = role.by_op[request.op].run

    def check_cancelled(self) -> None:
        if self.cancelled:
            raise CancelledError("cancelled")

    def progress(self, message: PictureDrawn) -> None:
        self.sent.append(message)
        self.cancelled = self.cancel_after_progress

    def response(self) -> Any:
        return self._run(self._request, self)


@pytest.fixture
def clip(tmp_path):
    return write_audio(tmp_path / "clip.wav", tone(1.0, 48_000), 48_000, "wav-s16")


def analyzed(role: Role, samples: np.ndarray) -> AnalyzeResponse:
    response = Run(role, AnalyzeRequest(samples)).response()
    assert isinstance(response, AnalyzeResponse)
    return response


def draw(role: Role, samples: np.ndarray, **options: Any) -> Run:
    return Run(role, DrawRequest(samples, analyzed(role, samples).features, **options))


def test_probe_returns_what_the_header_says(role: Role, clip) -> None:
    response = Run(role, ProbeRequest(AudioSource(path=clip, name="clip.wav"))).response()

    size_bytes = clip.stat().st_size
    assert response.probe == AudioProbe(1.0, True, 48_000, 1, "wav/pcm_16", size_bytes)


def test_probe_refuses_what_is_too_long(role: Role, tmp_path) -> None:
    path = write_audio(tmp_path / "long.wav", tone(6.0), 16_000, "wav-s16")

    with pytest.raises(InputError) as caught:
        Run(role, ProbeRequest(AudioSource(path=path))).response()

    assert caught.value.code == "audio.too_long"


@pytest.mark.parametrize("from_bytes", [True, False])
def test_decode_gives_samples_and_its_stages(role: Role, clip, from_bytes) -> None:
    source = AudioSource(data=clip.read_bytes()) if from_bytes else AudioSource(path=clip)

    response = Run(role, DecodeAudioRequest(source)).response()

    assert response.samples.shape == (16_000,)
    assert response.original_rate_hz == 48_000
    assert [stage.name for stage in response.stages] == ["decode audio", "resample"]
    first, second = response.stages
    assert second.start_s == pytest.approx(first.duration_s)


@pytest.mark.parametrize(("duration_s", "spooled"), [(1.0, False), (5.0, True)])
def test_channels_are_decoded_separately_on_request(
    role: Role, tmp_path, monkeypatch, duration_s: float, spooled: bool
) -> None:
    monkeypatch.setattr("wav2vec2_app.worker.audio.output.SPOOL_S", 2.0)
    samples = np.stack([tone(duration_s), np.zeros(round(duration_s * 16_000))], axis=1)
    path = write_audio(tmp_path / "call.wav", samples, 16_000, "wav-s16")
    spool = tmp_path / "spool.f32"
    request = DecodeAudioRequest(
        AudioSource(path=path), spool, DecodeAudioOptions(channels="separate")
    )

    response = Run(role, request).response()

    assert response.channels == 2
    assert (response.samples is None) == spooled
    found = np.fromfile(spool, np.float32) if spooled else response.samples
    mix, left, right = found.reshape(1 + response.channels, -1)
    np.testing.assert_allclose(mix, samples.mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(left, samples[:, 0], atol=1e-4)
    assert not right.any()
    assert {file.name for file in tmp_path.iterdir()} <= {"call.wav", "spool.f32"}


@pytest.mark.parametrize(("duration_s", "spooled"), [(1.0, False), (5.0, True)])
def test_single_channel_that_is_requested_separately_is_where_the_request_says(
    role: Role, tmp_path, monkeypatch, duration_s: float, spooled: bool
) -> None:
    monkeypatch.setattr("wav2vec2_app.worker.audio.output.SPOOL_S", 2.0)
    samples = tone(duration_s)
    path = write_audio(tmp_path / "mono.wav", samples, 16_000, "wav-s16")
    spool = tmp_path / "spool.f32"
    options = DecodeAudioOptions(channels="separate")

    response = Run(role, DecodeAudioRequest(AudioSource(path=path), spool, options)).response()

    found = np.fromfile(spool, np.float32) if spooled else response.samples
    np.testing.assert_allclose(found, samples, atol=1e-4)
    assert (response.channels, response.spooled) == (1, len(samples) * spooled)
    assert {file.name for file in tmp_path.iterdir()} <= {"mono.wav", "spool.f32"}


def test_channel_that_is_too_loud_is_lowered_before_the_mix(
    role: Role, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("wav2vec2_app.worker.audio.output.SPOOL_S", 2.0)
    samples = np.stack([4 * tone(5.0), np.zeros(80_000)], axis=1)
    path = write_audio(tmp_path / "loud.wav", samples, 16_000, "wav-f32")
    spool = tmp_path / "spool.f32"
    options = DecodeAudioOptions(channels="separate")

    response = Run(role, DecodeAudioRequest(AudioSource(path=path), spool, options)).response()

    mix, left, right = np.fromfile(spool, np.float32).reshape(3, -1)
    np.testing.assert_allclose(left, samples[:, 0] / np.abs(samples).max(), atol=1e-5)
    np.testing.assert_allclose(mix, left / 2, atol=1e-6)
    assert not right.any()
    assert any("full scale" in warning for warning in response.warnings)


@pytest.mark.parametrize("gain", [-1.0, -0.99])
def test_mix_of_channels_that_cancel_out_is_the_louder_one(
    role: Role, tmp_path, gain: float
) -> None:
    samples = np.stack([tone(1.0), gain * tone(1.0)], axis=1)
    path = write_audio(tmp_path / "call.wav", samples, 16_000, "wav-s16")
    request = DecodeAudioRequest(
        AudioSource(path=path), options=DecodeAudioOptions(channels="separate")
    )

    response = Run(role, request).response()

    mix, left, _ = response.samples.reshape(1 + response.channels, -1)
    np.testing.assert_array_equal(mix, left)


@pytest.mark.parametrize("request_type", [ProbeRequest, DecodeAudioRequest])
def test_a_track_that_is_not_there_is_refused(role: Role, clip, request_type) -> None:
    request = request_type(AudioSource(path=clip), options=DecodeAudioOptions(track=3))

    with pytest.raises(InputError) as caught:
        Run(role, request).response()

    assert caught.value.code == "audio.no_such_track"


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (DecodeAudioRequest(AudioSource(path=Path("/nowhere/at/all.wav"))), "audio.missing"),
        (DecodeAudioRequest(AudioSource(data=b"")), "audio.empty_file"),
        (AnalyzeRequest(np.zeros(0, np.float32)), "audio.no_samples"),
    ],
)
def test_request_without_audio_is_refused(role: Role, refused: AnyRequest, code: str) -> None:
    with pytest.raises(InputError) as caught:
        Run(role, refused).response()

    assert caught.value.code == code


def test_analyze_gives_features(role: Role) -> None:
    response = analyzed(role, tone(1.0))

    assert response.features.summary["f0_median_hz"] == pytest.approx(440, rel=0.01)
    assert response.stages[0].name == "features"


def test_features_have_the_types_that_messages_need(role: Role) -> None:
    response = analyzed(role, tone(1.0))

    assert AnalyzeResponse.unpack(response.pack()).features.mfcc is response.features.mfcc


def test_every_picture_is_sent_when_it_is_drawn(role: Role) -> None:
    log_probs = np.log(np.full((50, 3), 1 / 3)).astype(np.float32)
    emission = Emission(log_probs, ("<pad>", "|", "A"), 0, "|", 0.02)
    run = draw(role, tone(1.0), words=(Word("a", 0.2, 0.5, 0.9),), emission=emission)

    response = run.response()

    names = [progress.picture.name for progress in run.sent]
    assert names == ["waveform", "log_mel", "mfcc", "pitch_energy", "emission"]
    assert list(response.drawn) == names
    assert run.sent[-1].fraction == 1.0
    for progress in run.sent:
        assert progress.picture.title
        assert progress.picture.description
        ElementTree.fromstring(progress.picture.svg)  # noqa: S314 - our own


def test_emission_is_skipped_if_there_is_none(role: Role) -> None:
    run = draw(role, tone(0.5))

    assert run.response().skipped == ("emission",)
    assert len(run.sent) == 4


def test_only_the_named_pictures_are_drawn(role: Role) -> None:
    run = draw(role, tone(0.5), pictures=("mfcc",))
    run.response()

    assert [progress.picture.name for progress in run.sent] == ["mfcc"]


def test_drawing_stops_between_pictures_when_cancelled(role: Role) -> None:
    run = draw(role, tone(0.5))
    run.cancel_after_progress = True

    with pytest.raises(CancelledError):
        run.response()
    assert len(run.sent) == 1


@pytest.mark.parametrize("op", ["decode_audio", "analyze"])
def test_decoding_and_analyzing_can_be_cancelled(role: Role, clip, op) -> None:
    decode, analyze = DecodeAudioRequest(AudioSource(path=clip)), AnalyzeRequest(tone(1.0))
    run = Run(role, decode if op == "decode_audio" else analyze)
    run.cancelled = True

    with pytest.raises(CancelledError):
        run.response()


def test_sound_is_measured_from_its_features(role: Role) -> None:
    samples = tone(1.0)
    features = Run(role, AnalyzeRequest(samples)).response().features

    answer = Run(role, MeasureRequest(samples, features)).response()

    assert answer.acoustics.summary["loudness_lufs"] < 0
    assert [stage.name for stage in answer.stages] == ["measure"]


def test_nothing_cannot_be_measured(role: Role) -> None:
    features = Run(role, AnalyzeRequest(tone(0.1))).response().features

    with pytest.raises(InputError) as caught:
        Run(role, MeasureRequest(np.zeros(0, np.float32), features)).response()

    assert caught.value.code == "audio.no_samples"


def test_measuring_can_be_cancelled(role: Role) -> None:
    samples = tone(1.0)
    run = Run(role, MeasureRequest(samples, Run(role, AnalyzeRequest(samples)).response().features))
    run.cancelled = True

    with pytest.raises(CancelledError):
        run.response()

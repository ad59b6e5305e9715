"""The layers of a part: the windows of its transcription, and what is refused before the model runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.doubles import FRAME_S, VOCABULARY, make_audio, make_layers, make_model_info
from tests.unit.server.service.test_inference import Loader
from wav2vec2_app.errors import InputError, ModelError, Wav2Vec2Error
from wav2vec2_app.protocol.inference import NOT_LOADED, DescribeRequest, DescribeResponse
from wav2vec2_app.protocol.layers import LayersRequest, LayersResponse
from wav2vec2_app.server.service.explorations import ExploreSteps
from wav2vec2_app.server.service.inference import WindowedInference
from wav2vec2_app.server.service.layers import LayerSteps
from wav2vec2_app.server.service.policy import WindowPolicy
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import ExploredLayers, parse_layers
from wav2vec2_app.speech.layers import LayerView
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.speech.picture_window import PictureWindow
from wav2vec2_app.speech.transcript import Recognition, Transcript
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics

GRID = FrameGrid()


class Client:
    """Describes its model, unless it has to be loaded first, and answers with the same layers."""

    def __init__(self, *, loaded: bool = True) -> None:
        self.loaded = loaded
        self.sent: list[LayersRequest] = []

    async def request(
        self, request: DescribeRequest | LayersRequest, **options: Any
    ) -> StepResult[Any]:
        if isinstance(request, LayersRequest):
            self.sent.append(request)
            return StepResult(LayersResponse(make_layers()))
        if not self.loaded:
            self.loaded = True
            raise ModelError("not loaded", code=NOT_LOADED)
        return StepResult(DescribeResponse(make_model_info(), GRID, 1))


def recognition_of(audio: Audio, *, emission: bool = True, seed: int = 1) -> Recognition:
    """A transcript by “large”, whose emission has as many frames as the audio."""
    shape = (GRID.frames(len(audio.samples)), len(VOCABULARY))
    log_probs = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    transcript = Transcript("", (), 0.0, audio.duration_s, make_model_info("large"))
    given = Emission(log_probs, VOCABULARY, 0, "|", FRAME_S) if emission else None
    return Recognition(transcript, given)


async def show(
    audio: Audio,
    recognition: Recognition,
    wanted: ExploredLayers,
    client: Client | None = None,
    loader: Loader | None = None,
) -> LayersRequest:
    client = client or Client()
    policy = WindowPolicy(window_s=10.0, overlap_s=2.0)
    inference: Any = WindowedInference(client, policy, ShortFirst(), loader or Loader())  # type: ignore[arg-type]
    steps = ExploreSteps(client, client, LayerSteps(client, inference))  # type: ignore[arg-type]
    found = await steps.explore(
        audio, recognition, wanted, DEFAULT_OPTIONS, deadline=None, request_id=""
    )
    assert isinstance(found.value, LayerView)
    [request] = client.sent
    return request


async def test_a_short_recording_is_run_as_it_was_transcribed() -> None:
    audio = make_audio(8.0)
    recognition = recognition_of(audio)
    assert recognition.emission is not None

    request = await show(audio, recognition, parse_layers(2.0, 3.0, 1, 100))

    assert (request.model, request.layer, request.side, request.level) == ("large", 1, 100, None)
    np.testing.assert_array_equal(request.samples, audio.samples)
    [window] = request.windows
    assert (window.start, window.stop) == (0, len(audio.samples))
    assert (window.keep_from, window.keep_to) == (100, 150)
    assert request.start_s == pytest.approx(2.0)
    best = recognition.emission.log_probs[100:150].argmax(axis=1)
    np.testing.assert_array_equal(request.emitted, best)


async def test_of_a_long_recording_only_the_windows_of_the_part_are_sent() -> None:
    audio = make_audio(120.0)

    request = await show(audio, recognition_of(audio), parse_layers(50.0, 62.0))

    assert len(request.samples) < 30 * 16_000
    assert request.level == SampleStatistics.of(audio.samples)
    kept = [one.keep_to - one.keep_from for one in request.windows]
    assert sum(kept) == len(request.emitted) == 600
    assert all(
        0 <= one.start < one.stop <= len(request.samples) and one.start % GRID.hop == 0
        for one in request.windows
    )


async def test_the_model_of_the_transcript_is_loaded_first() -> None:
    audio, loader = make_audio(2.0), Loader()

    await show(audio, recognition_of(audio), parse_layers(0, 2), Client(loaded=False), loader)

    assert loader.loaded == ["large"]


async def test_a_channel_is_run_with_its_own_samples() -> None:
    left, right = make_audio(2.0), make_audio(2.0, frequency_hz=700.0)
    audio = replace(left, channels=(left.samples, right.samples))
    parts = tuple(recognition_of(one, seed=seed) for seed, one in enumerate((left, right)))
    recognition = Recognition(parts[0].transcript, None, parts)

    first = await show(audio, recognition, parse_layers(0, 1))
    second = await show(audio, recognition, parse_layers(0, 1, None, 240, 2))

    np.testing.assert_array_equal(first.samples, left.samples)
    np.testing.assert_array_equal(second.samples, right.samples)
    assert (first.emitted != second.emitted).any()
    with pytest.raises(InputError) as refused:
        await show(audio, recognition, parse_layers(0, 1, None, 240, 3))
    assert refused.value.code == "explore.no_channel"


@pytest.mark.parametrize(
    ("wanted", "emission", "code"),
    [
        (ExploredLayers(PictureWindow(0.0, 31.0)), True, "explore.too_long"),
        (ExploredLayers(PictureWindow(0.0, 1.0)), False, "model.no_layers"),
    ],
)
async def test_what_cannot_be_shown_is_refused_with_a_hint_and_nothing_is_run(
    wanted: ExploredLayers, emission: bool, code: str
) -> None:
    audio, client = make_audio(40.0), Client()

    with pytest.raises(Wav2Vec2Error) as refused:
        await show(audio, recognition_of(audio, emission=emission), wanted, client)

    assert refused.value.code == code
    assert refused.value.hint
    assert client.sent == []

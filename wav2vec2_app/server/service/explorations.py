"""Explores a recording on the workers: the data of a part, words compared in one place, the layers."""

from __future__ import annotations

from dataclasses import replace

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.exploration import ExplainRequest, ExploreRequest
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.layers import LayerSteps
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import (
    MAX_PART_S,
    Explanation,
    Explorable,
    Exploration,
    Explored,
    ExploredLayers,
    ExploredPart,
    ExploredWord,
    frames_between,
)
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

BEAM = "beam"


class ExploreSteps:
    """The steps of exploring: only the samples and frames of the part are sent.

    Args:
        audio, text: the workers.
        layers: runs the model once more.
    """

    def __init__(self, audio: WorkerClient, text: WorkerClient, layers: LayerSteps) -> None:
        self._audio = audio
        self._text = text
        self._layers = layers

    async def explore(
        self,
        audio: Audio,
        recognition: Recognition,
        wanted: Explorable,
        decoding: DecodingOptions,
        *,
        deadline: Deadline | None,
        request_id: str,
    ) -> StepResult[Explored]:
        """What was ``wanted`` of a recording.

        Raises:
            InputError: ``explore.no_channel``, ``model.no_emission``, ``explore.bad_value``.
            InputError, ModelError: see :meth:`LayerSteps.show`.
        """
        if isinstance(wanted, ExploredPart):
            return await self._part(audio, recognition, wanted, deadline, request_id)
        if isinstance(wanted, ExploredLayers):
            emission = _emission(recognition, wanted.channel)
            return await self._layers.show(
                _audio_of(audio, recognition, wanted.channel),
                emission,
                recognition.transcript.model,
                wanted,
                deadline=deadline,
                request_id=request_id,
            )
        return await self._word(recognition, wanted, decoding, deadline, request_id)

    async def _part(
        self,
        audio: Audio,
        recognition: Recognition,
        wanted: ExploredPart,
        deadline: Deadline | None,
        request_id: str,
    ) -> StepResult[Explored]:
        samples = audio.samples
        if wanted.channel:
            _check_channel(recognition, wanted.channel)
            samples = audio.channels[wanted.channel - 1]
        start_s, end_s = wanted.window.within(audio.duration_s)
        end_s = min(end_s, start_s + MAX_PART_S)
        emission = _emission(recognition, wanted.channel)
        if emission is not None:
            first, last = frames_between(emission, start_s, end_s)
            start_s = first * emission.frame_s
            emission = emission.cut(first, last)
        begin, end = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
        answer = await self._audio.request(
            ExploreRequest(samples[begin:end], emission, start_s, wanted.columns),
            audio_s=end_s - start_s,
            deadline=deadline,
            request_id=request_id,
        )
        found: Exploration = replace(answer.value.exploration, channels=len(recognition.channels))
        return StepResult(found, answer.stages)

    async def _word(
        self,
        recognition: Recognition,
        wanted: ExploredWord,
        decoding: DecodingOptions,
        deadline: Deadline | None,
        request_id: str,
    ) -> StepResult[Explored]:
        emission = _emission(recognition, wanted.channel)
        if emission is None:
            emission = recognition.emitted.emission  # raises
        first, last = frames_between(emission, wanted.start_s, wanted.end_s)
        if first == last:
            raise InputError(
                "The word lies outside of the recording.",
                code="explore.bad_value",
                hint="Send the `start` and `end` of a word of the transcript.",
                metadata={"field": "start"},
            )
        part = emission.cut(first, last)
        decoder = wanted.decoder or recognition.transcript.decoder
        answer = await self._text.request(
            ExplainRequest(
                part, first * emission.frame_s, wanted.words, wanted.before, decoding,
                decoder == BEAM,
            ),
            audio_s=part.duration_s, deadline=deadline, request_id=request_id,
        )  # fmt: skip
        found: Explanation = answer.value.explanation
        return StepResult(found, answer.stages)


def _emission(recognition: Recognition, channel: int) -> Emission | None:
    """The emission of a channel; that of the first one where there is no mix."""
    if channel:
        _check_channel(recognition, channel)
        return recognition.channels[channel - 1].emission
    return recognition.emission or (
        recognition.channels[0].emission if recognition.channels else None
    )


def _audio_of(audio: Audio, recognition: Recognition, channel: int) -> Audio:
    """What the emission of a channel was computed from; that of the first one where there is no mix."""
    number = channel or (1 if recognition.channels and recognition.emission is None else 0)
    if not number or number > len(audio.channels):
        return audio
    return replace(audio, samples=audio.channels[number - 1], channels=())


def _check_channel(recognition: Recognition, channel: int) -> None:
    count = len(recognition.channels)
    if channel > count:
        raise InputError(
            f"There is no channel {channel}: {count or 'no'} channels were transcribed separately.",
            code="explore.no_channel",
            hint="Leave the channel out, or transcribe the channels separately.",
            metadata={"channels": count},
        )

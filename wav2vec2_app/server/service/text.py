"""Decodes emissions and aligns texts on the text workers; long emissions are decoded part by part."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.errors import CancelledError, Wav2Vec2Error
from wav2vec2_app.protocol.text import (
    AlignRequest,
    DecodeTextRequest,
    DecodeTextResponse,
    PunctuateRequest,
    PunctuateResponse,
    text_bytes,
)
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.results import Stage
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.parts import join, parts_of
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.stages import summed, yielded
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.emission import Emitted
from wav2vec2_app.speech.models import EMBEDDED
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word, with_written

log = logging.getLogger(__name__)


class TextSteps:
    """The steps from an emission to text.

    Args:
        client: the text workers.
        priority: makes long emissions yield to short ones before each part.
    """

    def __init__(self, client: WorkerClient, priority: ShortFirst) -> None:
        self._client = client
        self._priority = priority

    async def decode(
        self,
        emitted: Emitted,
        options: DecodingOptions,
        *,
        deadline: Deadline | None,
        request_id: str,
    ) -> StepResult[Recognition]:
        """The transcript of an emission."""
        emission = emitted.emission
        spans = await off_loop(emission.duration_s, parts_of, emission)
        if len(spans) == 1:
            with self._priority.prioritized():
                alone = await self.decode_part(emitted, options, deadline, request_id)
            return StepResult(Recognition(alone.value, emission), alone.stages)
        deadline = deadline or Deadline.after(self._client.limit_s(emitted.duration_s))
        transcripts: list[Transcript] = []
        stages: list[Sequence[Stage]] = []
        for span in spans:
            yielded_s = await self._priority.yield_to_short()
            part = replace(emitted, emission=emission.cut(*span))
            decoded = await self.decode_part(part, options, deadline, request_id)
            transcripts.append(decoded.value)
            stages.append((yielded(yielded_s, decoded.stages), *decoded.stages))
        between = " " if emission.word_delimiter else ""
        offsets_s = [start * emission.frame_s for start, _ in spans]
        transcript = await off_loop(emission.duration_s, join, transcripts, offsets_s, between)
        written = await self._written(transcript, options, deadline, request_id)
        stages.append(written.stages)
        return StepResult(Recognition(written.value, emission), summed(stages))

    async def align(
        self, emitted: Emitted, text: str, *, deadline: Deadline | None, request_id: str
    ) -> StepResult[Alignment]:
        """The time of each word and letter of ``text``."""
        answer = await self._client.request(
            AlignRequest(emitted.emission, text),
            audio_s=emitted.duration_s,
            deadline=deadline,
            request_id=request_id,
        )
        return StepResult(answer.value.alignment, answer.stages)

    async def decode_part(
        self,
        emitted: Emitted,
        options: DecodingOptions,
        deadline: Deadline | None,
        request_id: str,
        *,
        written: bool = True,
    ) -> StepResult[Transcript]:
        """The transcript of an emission that is short enough for one request.

        ``written``: its words get :attr:`Word.written` where they are English.
        """
        embedded = emitted.model.source == EMBEDDED
        answer = await self._client.request(
            DecodeTextRequest(emitted.emission, options, embedded, written),
            audio_s=emitted.emission.duration_s,
            deadline=deadline,
            request_id=request_id,
        )
        return StepResult(_transcript(answer.value, emitted), answer.stages)

    async def _written(
        self,
        transcript: Transcript,
        options: DecodingOptions,
        deadline: Deadline | None,
        request_id: str,
    ) -> StepResult[Transcript]:
        """``transcript``, joined from parts, written as one text: sentences may span two parts."""
        words = transcript.words
        if not any(word.written for word in words):
            return StepResult(transcript)
        texts = [word.text for word in words]
        try:
            answer = await self._client.request(
                PunctuateRequest(text_bytes(texts), options.hotwords),
                audio_s=transcript.duration_s,
                deadline=deadline,
                request_id=request_id,
            )
        except CancelledError:
            raise
        except Wav2Vec2Error as error:  # the parts are written, each for itself
            log.warning("a long transcript keeps the punctuation of its parts: %s", error.code)
            return StepResult(transcript)
        found = await off_loop(transcript.duration_s, _with_answer, words, answer.value)
        return StepResult(replace(transcript, words=found), answer.stages)


def _with_answer(words: Sequence[Word], answer: PunctuateResponse) -> tuple[Word, ...]:
    written = answer.words
    return with_written(words, written) if len(written) == len(words) else tuple(words)


def _transcript(response: DecodeTextResponse, emitted: Emitted) -> Transcript:
    between = " " if emitted.emission.word_delimiter else ""
    return Transcript(
        text=between.join(word.text for word in response.words),
        words=response.words,
        confidence=response.confidence,
        duration_s=emitted.duration_s,
        model=emitted.model,
        decoder=response.decoder,
        reason=response.reason,
        note=response.note,
    )

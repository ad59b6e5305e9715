"""Words of a long recording while it is being transcribed: each window is decoded as soon as it is there.

They are decoded greedily, without the context of their neighbours, and only shown until the transcript of
the whole recording replaces them.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.results import Progress, Report
from wav2vec2_app.server.service.text import TextSteps
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import PreviewWords
from wav2vec2_app.speech.windows import Window

PREVIEW_OPTIONS: Final = DecodingOptions(decoder="greedy")


class Previews:
    """Decodes the windows of one recording, in their order, and reports their words.

    Args:
        text: decodes.
        report: gets a :class:`PreviewWords` for each window that has words.
        deadline, request_id: of the recording.
    """

    def __init__(
        self, text: TextSteps, report: Report, deadline: Deadline, request_id: str
    ) -> None:
        self._text = text
        self._report = report
        self._deadline = deadline
        self._request_id = request_id
        self._last: asyncio.Task[None] | None = None

    def add(self, window: Window, emission: Emission, model: ModelInfo) -> None:
        """Decode a window after those before it."""
        part = emission.cut(window.keep_from, window.keep_to)
        start_s = window.start / SAMPLE_RATE_HZ + window.keep_from * emission.frame_s
        emitted = Emitted(part, model, part.duration_s)
        self._last = asyncio.create_task(self._decode(self._last, emitted, start_s))

    def close(self) -> None:
        """Give up what is not decoded yet: the transcript is there, or will never be."""
        if self._last is not None:
            self._last.cancel()

    async def _decode(
        self, before: asyncio.Task[None] | None, emitted: Emitted, start_s: float
    ) -> None:
        if before is not None:
            await before  # a cancellation goes on to it
        with contextlib.suppress(Wav2Vec2Error):  # optional: the transcript reports what is wrong
            decoded = await self._text.decode_part(
                emitted, PREVIEW_OPTIONS, self._deadline, self._request_id, written=False
            )
            words = tuple(
                replace(word, start_s=word.start_s + start_s, end_s=word.end_s + start_s)
                for word in decoded.value.words
            )
            if words:
                self._report(Progress(value=PreviewWords(words)))

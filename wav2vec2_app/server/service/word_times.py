"""Word times of a transcript by another model: its text is aligned with the emission of a CTC model."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.errors import CancelledError, Wav2Vec2Error
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service import stages
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.wav2vec2 import Wav2Vec2Service
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.models import EMBEDDED
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Word

log = logging.getLogger(__name__)

GREEDY = DecodingOptions(decoder="greedy")


class WordTimes:
    """Aligns words with the embedded model, which transcribes English.

    Args:
        service: of the embedded model.
    """

    language = "en"

    def __init__(self, service: Wav2Vec2Service) -> None:
        self._service = service

    async def correct(
        self, audio: Audio, words: Sequence[Word], *, deadline: Deadline, request_id: str = ""
    ) -> StepResult[tuple[Word, ...]]:
        """``words`` with the times at which they are in ``audio``; unchanged if they cannot be aligned."""
        try:
            found = await self._service.process(
                audio, model=EMBEDDED, decoding=GREEDY, deadline=deadline, request_id=request_id
            )
            aligned = await self._service.align(
                found.value.emitted,
                " ".join(word.text for word in words),
                deadline=deadline,
                request_id=request_id,
            )
        except CancelledError:
            raise
        except Wav2Vec2Error as error:  # the transcript is there, and has times
            log.info("words keep their times: %s", error.code)
            return StepResult(tuple(words))
        timed = with_times(words, aligned.value.words)
        return StepResult(timed, stages.after(found.stages, aligned.stages))


def with_times(words: Sequence[Word], aligned: Sequence[AlignedWord]) -> tuple[Word, ...]:
    """``words`` with the times of ``aligned``, the same text without signs that are not spoken.

    A word without a time of its own (a dash, a number that was aligned as several words, letters that the
    vocabulary lacks) keeps its time as far as those of its neighbours allow it.
    """
    found: list[Word] = []
    at = skip = 0
    for number, word in enumerate(words):
        if skip:
            skip -= 1
            found.append(word)
            continue
        parts = aligned[at].text.split() if at < len(aligned) else []
        if not parts or _texts(words[number : number + len(parts)]) != parts:
            found.append(word)
            continue
        one, at, skip = aligned[at], at + 1, len(parts) - 1
        timed = len(parts) == 1 and not one.wildcard
        found.append(replace(word, start_s=one.start_s, end_s=one.end_s) if timed else word)
    return _in_order(found)


def _texts(words: Sequence[Word]) -> list[str]:
    return [unicodedata.normalize("NFC", word.text) for word in words]


def _in_order(words: Sequence[Word]) -> tuple[Word, ...]:
    """``words`` whose times do not go back."""
    ordered: list[Word] = []
    latest_s = 0.0
    for word in words:
        start_s = max(word.start_s, latest_s)
        latest_s = max(word.end_s, start_s)
        ordered.append(replace(word, start_s=start_s, end_s=latest_s))
    return tuple(ordered)

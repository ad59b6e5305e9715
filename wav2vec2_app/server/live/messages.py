"""What a live session says: JSON messages, the contract of ``docs/api.md``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.live.captioner import Caption, Captioner, Final
from wav2vec2_app.server.schema import WordSchema
from wav2vec2_app.speech.transcript import Word


class _Message(BaseModel):
    """One message; ``type`` says which."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ready(_Message):
    """The session may begin to send audio."""

    type: Literal["ready"] = "ready"
    session: str
    model: str
    interval_s: FiniteFloat
    pause_s: FiniteFloat
    max_message_bytes: int
    max_session_s: FiniteFloat


class Words(_Message):
    """Words of the utterance under way.

    ``committed`` go behind those that were committed before and never change; ``tentative`` replaces what
    was tentative before.
    """

    type: Literal["words"] = "words"
    utterance: int
    committed: tuple[WordSchema, ...]
    tentative: tuple[WordSchema, ...]
    heard_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class FinalWords(_Message):
    """All words of a finished utterance; they replace what was known of it."""

    type: Literal["final"] = "final"
    utterance: int
    start: FiniteFloat
    end: FiniteFloat
    text: str
    words: tuple[WordSchema, ...]
    confidence: FiniteFloat
    note: str
    heard_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class Status(_Message):
    """How it goes: about once a second, and after a pass that changed no word."""

    type: Literal["status"] = "status"
    arrived_s: FiniteFloat
    heard_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool
    interval_s: FiniteFloat


class Notice(_Message):
    """A pass failed; nothing of the audio is lost."""

    type: Literal["notice"] = "notice"
    code: str
    message: str


class Failure(_Message):
    """The session cannot go on; the connection is closed."""

    type: Literal["error"] = "error"
    error: schema.ErrorBody


class Ended(_Message):
    """Everything that was said has been answered; the connection is closed."""

    type: Literal["ended"] = "ended"
    arrived_s: FiniteFloat
    utterances: int


Message = Ready | Words | FinalWords | Status | Notice | Failure | Ended


def status(captioner: Captioner) -> Status:
    """How a session goes, as it is sent."""
    return Status(
        arrived_s=round(captioner.arrived_s, 3),
        interval_s=round(captioner.interval_s, 3),
        **_state(captioner),
    )


def of_caption(caption: Caption, captioner: Captioner) -> Words | FinalWords:
    """A caption as it is sent."""
    how = _state(captioner)
    if isinstance(caption, Final):
        return FinalWords(
            utterance=caption.utterance,
            start=round(caption.start_s, 3),
            end=round(caption.end_s, 3),
            text=" ".join(word.text for word in caption.words),
            words=_words(caption.words),
            confidence=round(_confidence(caption.words), 4),
            note=caption.note,
            **how,
        )
    return Words(
        utterance=caption.utterance,
        committed=_words(caption.committed),
        tentative=_words(caption.tentative),
        **how,
    )


def failure(error: Wav2Vec2Error) -> Failure:
    """An error as it is sent."""
    return Failure(error=schema.error(error, "").error)


def _state(captioner: Captioner) -> dict[str, Any]:
    return {
        "heard_s": round(captioner.heard_s, 3),
        "lag_s": round(captioner.lag_s, 3),
        "behind": captioner.behind,
    }


def _words(words: Sequence[Word]) -> tuple[WordSchema, ...]:
    return tuple(
        WordSchema(
            text=word.text,
            start=round(word.start_s, 3),
            end=round(word.end_s, 3),
            confidence=round(word.confidence, 4),
        )
        for word in words
    )


def _confidence(words: Sequence[Word]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else 0.0

"""The JSON messages that a live session sends; ``docs/api.md`` is generated from them."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.live.captioner import Captioner
from wav2vec2_app.server.live.captions import Caption, FinalCaption
from wav2vec2_app.server.schema import ErrorJson, JsonModel, WordJson, error_json, word_json


class ReadyMessage(JsonModel):
    """Sent first: the session accepts audio."""

    type: Literal["ready"] = "ready"
    session: str
    model: str
    interval_s: FiniteFloat
    pause_s: FiniteFloat
    max_message_bytes: int
    max_session_s: FiniteFloat


class PartialMessage(JsonModel):
    """Words of the utterance in progress.

    ``committed`` are words that follow those committed before and never change; ``tentative`` replaces the
    tentative words of the message before.
    """

    type: Literal["words"] = "words"
    utterance: int
    committed: tuple[WordJson, ...]
    tentative: tuple[WordJson, ...]
    transcribed_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class FinalMessage(JsonModel):
    """All words of a finished utterance; they replace its words so far. No words: remove it.

    ``note`` says why they may be less accurate than usual.
    """

    type: Literal["final"] = "final"
    utterance: int
    start: FiniteFloat
    end: FiniteFloat
    text: str
    words: tuple[WordJson, ...]
    confidence: FiniteFloat
    note: str
    transcribed_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class StatusMessage(JsonModel):
    """Sent about once a second, and after a pass that changed no word."""

    type: Literal["status"] = "status"
    arrived_s: FiniteFloat
    interval_s: FiniteFloat
    transcribed_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class NoticeMessage(JsonModel):
    """A pass failed and is repeated; no audio is lost."""

    type: Literal["notice"] = "notice"
    code: str
    message: str


class ErrorMessage(JsonModel):
    """The session cannot continue; the server closes the connection."""

    type: Literal["error"] = "error"
    error: ErrorJson


class EndedMessage(JsonModel):
    """All audio is transcribed; the server closes the connection."""

    type: Literal["ended"] = "ended"
    arrived_s: FiniteFloat
    utterances: int


LiveMessage = (
    ReadyMessage
    | PartialMessage
    | FinalMessage
    | StatusMessage
    | NoticeMessage
    | ErrorMessage
    | EndedMessage
)


def status_message(captioner: Captioner) -> StatusMessage:
    """The state of a session."""
    return StatusMessage(
        arrived_s=round(captioner.arrived_s, 3),
        interval_s=round(captioner.interval_s, 3),
        transcribed_s=round(captioner.transcribed_s, 3),
        lag_s=round(captioner.lag_s, 3),
        behind=captioner.behind,
    )


def caption_message(caption: Caption, captioner: Captioner) -> PartialMessage | FinalMessage:
    """A caption, with the state of its session."""
    if isinstance(caption, FinalCaption):
        return _final_message(caption, captioner)
    return PartialMessage(
        utterance=caption.utterance,
        committed=tuple(word_json(word) for word in caption.committed),
        tentative=tuple(word_json(word) for word in caption.tentative),
        transcribed_s=round(captioner.transcribed_s, 3),
        lag_s=round(captioner.lag_s, 3),
        behind=captioner.behind,
    )


def _final_message(caption: FinalCaption, captioner: Captioner) -> FinalMessage:
    words = caption.words
    confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
    return FinalMessage(
        utterance=caption.utterance,
        start=round(caption.start_s, 3),
        end=round(caption.end_s, 3),
        text=" ".join(word.text for word in words),
        words=tuple(word_json(word) for word in words),
        confidence=round(confidence, 4),
        note=caption.note,
        transcribed_s=round(captioner.transcribed_s, 3),
        lag_s=round(captioner.lag_s, 3),
        behind=captioner.behind,
    )


def error_message(error: Wav2Vec2Error) -> ErrorMessage:
    """An error that ends the session."""
    return ErrorMessage(error=error_json(error))

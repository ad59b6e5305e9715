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
    """id of the session"""
    model: str
    interval_s: FiniteFloat
    """shortest time between two tentative passes"""
    pause_s: FiniteFloat
    """a pause of this length ends an utterance"""
    max_message_bytes: int
    max_session_s: FiniteFloat
    """longest audio of a session"""


class PartialMessage(JsonModel):
    """Words of the utterance in progress."""

    type: Literal["words"] = "words"
    utterance: int
    """number of the utterance, from 1"""
    committed: tuple[WordJson, ...]
    """newly committed words: they follow the words committed before and never change"""
    tentative: tuple[WordJson, ...]
    """replace the tentative words of the message before"""
    transcribed_s: FiniteFloat
    """the words include the audio up to this time"""
    lag_s: FiniteFloat
    """length of the audio that arrived after it"""
    behind: bool
    """whether the machine is too slow for ``interval_s``; tentative words come less often then, but no audio
    is dropped"""


class FinalMessage(JsonModel):
    """A finished utterance, after a last pass over all of it."""

    type: Literal["final"] = "final"
    utterance: int
    start: FiniteFloat
    end: FiniteFloat
    text: str
    words: tuple[WordJson, ...]
    """replace the words of the utterance so far; if there are none, remove the utterance"""
    confidence: FiniteFloat
    """mean over the words"""
    note: str
    """why the words may be less accurate than usual; otherwise empty"""
    transcribed_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class StatusMessage(JsonModel):
    """Sent about once a second, and after a pass that changed no word."""

    type: Literal["status"] = "status"
    arrived_s: FiniteFloat
    """length of the audio that has arrived"""
    interval_s: FiniteFloat
    """current time between two tentative passes"""
    transcribed_s: FiniteFloat
    lag_s: FiniteFloat
    behind: bool


class NoticeMessage(JsonModel):
    """A pass failed and is repeated (no audio is lost), the samples look like another encoding
    (``live.encoding``), or fields of the start message are ignored (``live.unknown_field``).
    """

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
    """number of finished utterances with words"""


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

"""Descriptions: the answer of a language model to a question about the sound of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import InputError

DEFAULT_QUESTION: Final = "Describe the audio."
MAX_QUESTION_CHARACTERS: Final = 1000
DESCRIBED_S: Final = 10.0
"""The model uses so much of a recording, from its beginning, seconds; more is not sent."""


@dataclass(frozen=True)
class Description:
    """An answer to a question about a recording.

    Answers are not deterministic: the same question about the same recording may be answered otherwise.

    Attributes:
        question: what was asked.
        answer: the model's answer.
        audio_info: what the model's server says about the audio, such as its length.
        described_s: how much of the recording, from its beginning, the model was given, seconds.
        truncated: whether the recording is longer than that.
    """

    question: str
    answer: str
    audio_info: str
    described_s: float
    truncated: bool


def parse_question(value: object) -> str:
    """The question that a client sent; the default one if there is none.

    Raises:
        InputError: ``describe.bad_question``.
    """
    if value is None:
        return DEFAULT_QUESTION
    if not isinstance(value, str):
        raise _bad_question("The question is not a text.")
    question = " ".join(value.split())
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise _bad_question(
            f"The question has {len(question):,} characters; the limit is {MAX_QUESTION_CHARACTERS:,}."
        )
    if not all(one.isprintable() for one in question):
        raise _bad_question("The question has characters that are not text.")
    return question or DEFAULT_QUESTION


def _bad_question(message: str) -> InputError:
    return InputError(
        message,
        code="describe.bad_question",
        hint=f"Ask a short question about the sound, such as “{DEFAULT_QUESTION}”.",
        metadata={"field": "question", "limit": MAX_QUESTION_CHARACTERS},
    )

"""The words of a transcript as they were corrected on the page."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.speech.channels import turns_of_words
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

MAX_WORDS: Final = 200_000
MAX_WORD_CHARACTERS: Final = 1000


def parse_words(text: str) -> tuple[Word, ...]:
    """Words as the page's script sends them: a JSON list of ``[text, start, end, confidence, channel]``.

    Raises:
        InputError: ``export.bad_words``.
    """
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise _bad_words() from error
    if not isinstance(rows, list) or len(rows) > MAX_WORDS:
        raise _bad_words()
    return tuple(_word(row) for row in rows)


def with_words(result: AudioResult, words: tuple[Word, ...]) -> AudioResult:
    """``result`` with other words in its transcript."""
    if result.recognition is None:
        return result
    lines = (" ".join(word.text for word in turn) for turn in turns_of_words(words))
    transcript: Transcript = replace(
        result.recognition.transcript, words=words, text="\n".join(lines)
    )
    return replace(result, recognition=Recognition(transcript))


def unchanged_by(options: ExportOptions) -> ExportOptions:
    """``options`` without those that change words: corrected words are written unchanged."""
    return replace(options, letter_case="raw", replacements=(), fillers="keep", numbers="words")


def _word(row: Any) -> Word:
    """One row; its values come from a client and may be anything."""
    if not isinstance(row, list) or len(row) != 5 or not isinstance(row[0], str):
        raise _bad_words()
    text = " ".join(row[0].split())
    numbers = [value for value in row[1:] if _is_number(value)]
    if len(numbers) != 4 or not text or len(text) > MAX_WORD_CHARACTERS:
        raise _bad_words()
    start_s, end_s, confidence, channel = numbers
    if start_s < 0 or end_s < start_s or not 0 <= confidence <= 1 or channel != int(channel):
        raise _bad_words()
    return Word(text, float(start_s), float(end_s), float(confidence), int(channel) or None)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    )  # fmt: skip


def _bad_words() -> InputError:
    return InputError(
        "The corrected words cannot be used.",
        code="export.bad_words",
        hint="Reload the page and correct them again.",
    )

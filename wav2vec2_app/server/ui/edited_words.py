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
from wav2vec2_app.speech.speakers import MAX_SPEAKER_NAMES, speaker_name
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

MAX_WORDS: Final = 200_000
MAX_WORD_CHARACTERS: Final = 1000


def parse_words(text: str) -> tuple[Word, ...]:
    """Words as the page's script sends them: a JSON list of ``[text, start, end, confidence, channel]``.

    The channel may be the label of a speaker.

    Raises:
        InputError: ``export.bad_words``.
    """
    return _words(_json(text))


def edited(
    result: AudioResult, text: str, options: ExportOptions
) -> tuple[AudioResult, ExportOptions]:
    """``result`` as it was changed on the page, and the options with which its files are written.

    ``text`` has the words as :func:`parse_words` takes them, or an object with them as ``words`` (``null`` if
    only speakers were renamed) and ``names``, a list of pairs of a label and a name.

    Raises:
        InputError: ``export.bad_words``, ``speakers.bad_names``.
    """
    content = _json(text)
    words, names = content, dict[str | int, str]()
    if isinstance(content, dict):
        words, names = content.get("words"), _names(content.get("names"))
    if words is not None or not names:
        result, options = with_words(result, _words(words)), unchanged_by(options)
    return _renamed(result, names), options


def _names(pairs: object) -> dict[str | int, str]:
    """Names of speakers by their labels, or of channels by their numbers."""
    if not isinstance(pairs, list) or len(pairs) > MAX_SPEAKER_NAMES:
        raise _bad_words()
    found: dict[str | int, str] = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str | int):
            raise _bad_words()
        found[pair[0]] = speaker_name(pair[1])
    return found


def _renamed(result: AudioResult, names: dict[str | int, str]) -> AudioResult:
    if result.recognition is None or not names:
        return result
    transcript = result.recognition.transcript
    words = tuple(
        replace(word, speaker=names.get(word.speaker or word.channel or "", word.speaker))
        for word in transcript.words
    )
    recognition = replace(result.recognition, transcript=replace(transcript, words=words))
    return replace(result, recognition=recognition)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad_words() from error


def _words(rows: object) -> tuple[Word, ...]:
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
    speaker = speaker_name(row[4]) if isinstance(row[4], str) else ""
    numbers = [value for value in [*row[1:4], 0 if speaker else row[4]] if _is_number(value)]
    if len(numbers) != 4 or not text or len(text) > MAX_WORD_CHARACTERS:
        raise _bad_words()
    start_s, end_s, confidence, channel = numbers
    if start_s < 0 or end_s < start_s or not 0 <= confidence <= 1 or channel != int(channel):
        raise _bad_words()
    return Word(
        text,
        float(start_s),
        float(end_s),
        float(confidence),
        int(channel) or None,
        speaker=speaker,
    )


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

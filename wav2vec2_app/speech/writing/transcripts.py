"""A transcript as it is written: in a letter case, with marks, replacements and digits, without fillers.

The rules work on the words of one channel, or of one turn of a speaker. Each resulting word has the time of
the words that it stands for; several words in place of one divide its time by their lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from wav2vec2_app.speech.channels import has_speakers, turns_of_words, voice_of
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.replacement_rules import match, rules_of, split_punctuation
from wav2vec2_app.speech.signs import blank_between
from wav2vec2_app.speech.spelling import has_marks, spelled_text, spelled_words
from wav2vec2_app.speech.transcript import Transcript, Word
from wav2vec2_app.speech.writing import fillers
from wav2vec2_app.speech.writing.clauses import number_spans
from wav2vec2_app.speech.writing.digits import DIGIT_LANGUAGES

_OPENING: Final = "\"'“‘«(¿¡"
_ENDS_SENTENCE: Final = (".", "!", "?", "…")


@dataclass(frozen=True)
class _Token:
    """A word, the range of original words that it stands for, and whether later rules leave it alone."""

    word: Word
    first: int
    end: int
    fixed: bool = False

    @property
    def text(self) -> str:
        """The word's text; later rules see none where they may not change it."""
        return "" if self.fixed else self.word.text


def written(transcript: Transcript, options: ExportOptions) -> Transcript:
    """``transcript`` with the words and the text that the options request."""
    how = (options.letter_case, options.punctuation)
    cased = zip(transcript.words, spelled_words(transcript.words, *how), strict=True)
    words = [replace(word, text=text, written="") for word, text in cased]
    if has_marks(transcript.words, *how):
        text = _lines(words)
    else:
        text = spelled_text(transcript.text, options.letter_case)
    tokens = [_Token(word, index, index + 1) for index, word in enumerate(words)]
    changed = _rewritten(tokens, options, transcript)
    if changed == tokens:
        return replace(transcript, text=text, words=tuple(words))
    found = tuple(token.word for token in changed)
    return replace(transcript, text=_text(text, words, changed), words=found)


def _rewritten(
    tokens: Sequence[_Token], options: ExportOptions, transcript: Transcript
) -> list[_Token]:
    """The tokens of each channel or turn after all rules, in the order of their times."""
    parts = _parts(tokens)
    language = transcript.model.language
    in_capitals = options.letter_case == "raw" and transcript.text.isupper()
    found = []
    for one in parts:
        rewritten = _replaced(one, options.replacements)
        if options.fillers == "remove":
            rewritten = _without_fillers(rewritten, language, in_capitals=in_capitals)
        if options.numbers == "digits" and language in DIGIT_LANGUAGES:
            rewritten = _with_digits(rewritten)
        found += rewritten
    if len(parts) > 1:
        found.sort(key=lambda token: (token.word.start_s, token.word.end_s))
    return found


def _parts(tokens: Sequence[_Token]) -> list[list[_Token]]:
    """The tokens of each channel, or of each turn of a speaker."""
    if has_speakers([token.word for token in tokens]):
        return [list(turn) for _, turn in groupby(tokens, lambda token: token.word.speaker)]
    channels: dict[int | None, list[_Token]] = {}
    for token in tokens:
        channels.setdefault(token.word.channel, []).append(token)
    return list(channels.values())


# --- rules --------------------------------------------------------------------------------------


def _replaced(tokens: Sequence[_Token], lines: Sequence[str]) -> list[_Token]:
    if not lines:
        return list(tokens)
    rules = rules_of(tuple(lines))
    texts = [token.text for token in tokens]
    found: list[_Token] = []
    at, begins = 0, False
    while at < len(tokens):
        rule = match(rules, texts, at)
        end = at + (len(rule.words) if rule else 1)
        part = tokens[at:end]
        if rule is None:
            found += [_begun(token) if begins else token for token in part]
        elif rule.text:
            text = _punctuated(rule.text, part)
            opens = _opens_sentence(found)
            text = _capitalized(text) if begins else _as_begun(text, part[0], opens=opens)
            _add(found, part, text.split())
        elif _opens_sentence(found) and part[0].word.text[:1].isupper():
            begins, at = True, end
            continue
        at, begins = end, begins and rule is not None and not rule.text
    return found


def _punctuated(text: str, tokens: Sequence[_Token]) -> str:
    """``text`` with the punctuation that was around the tokens."""
    before, _, _ = split_punctuation(tokens[0].word.text)
    _, _, after = split_punctuation(tokens[-1].word.text)
    return f"{before}{text}{after if text[-1:].isalnum() else ''}"


def _without_fillers(tokens: Sequence[_Token], language: str, *, in_capitals: bool) -> list[_Token]:
    texts = [token.text for token in tokens]
    found: list[_Token] = []
    begins = False
    for at, token in enumerate(tokens):
        spelled_out = fillers.is_abbreviation(texts[at]) and not in_capitals
        if texts[at] and not spelled_out and fillers.is_filler(texts, at, language):
            begins = begins or (_opens_sentence(found) and texts[at][:1].isupper())
            _take_end(found, texts[at])
            continue
        found.append(_begun(token) if begins else token)
        begins = False
    return found


def _take_end(found: list[_Token], filler: str) -> None:
    """Punctuation after a filler: the end of a sentence moves to the word before, a comma is not doubled."""
    _, _, after = split_punctuation(filler)
    if not found or not after:
        return
    before = found[-1].word
    bare = before.text.rstrip(",;")
    if after.endswith(_ENDS_SENTENCE) and not before.text.endswith(_ENDS_SENTENCE):
        found[-1] = replace(found[-1], word=replace(before, text=bare + after))
    elif after == "," and bare != before.text:
        found[-1] = replace(found[-1], word=replace(before, text=bare))


def _with_digits(tokens: Sequence[_Token]) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    for number in number_spans([token.text for token in tokens]):
        found += tokens[at : number.start]
        part = tokens[number.start : number.end]
        if [token.word.text for token in part] == [number.text]:
            found += part
        else:
            _add(found, part, [number.text])
        at = number.end
    return [*found, *tokens[at:]]


def _add(found: list[_Token], part: Sequence[_Token], texts: Sequence[str]) -> None:
    """Add words in place of ``part``, with its time."""
    words = [token.word for token in part]
    start_s, end_s = words[0].start_s, max(word.end_s for word in words)
    confidence = min(word.confidence for word in words)
    whole = max(1, sum(map(len, texts)))
    done = 0
    for number, text in enumerate(texts):
        kept = words[number] if len(texts) == len(words) else None
        begin = start_s + (end_s - start_s) * done / whole
        done += len(text)
        end = start_s + (end_s - start_s) * done / whole
        word = Word(
            text,
            kept.start_s if kept else begin,
            kept.end_s if kept else end,
            kept.confidence if kept else confidence,
            words[0].channel,
            speaker=words[0].speaker,
        )
        found.append(_Token(word, part[0].first, part[-1].end, fixed=True))


# --- beginnings of sentences --------------------------------------------------------------------


def _opens_sentence(before: Sequence[_Token]) -> bool:
    return not before or before[-1].word.text.endswith(_ENDS_SENTENCE)


def _as_begun(text: str, token: _Token, *, opens: bool) -> str:
    """``text`` with a capital where it begins a sentence, unless it has capitals of its own."""
    begun = token.word.text.lstrip(_OPENING)
    capital = begun[:1].isupper() and not (len(begun) > 1 and begun.isupper())
    return _capitalized(text) if opens and capital and text == text.lower() else text


def _begun(token: _Token) -> _Token:
    """The token at the beginning of a sentence."""
    return replace(token, word=replace(token.word, text=_capitalized(token.word.text)))


def _capitalized(text: str) -> str:
    at = len(text) - len(text.lstrip(_OPENING))
    if text != text.lower():
        return text
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]


# --- the text -----------------------------------------------------------------------------------


def _text(before: str, words: Sequence[Word], tokens: Sequence[_Token]) -> str:
    """The text of the tokens; of separate channels or speakers, one line for each turn."""
    found = [token.word for token in tokens]
    if any(voice_of(word) for word in found):
        return _lines(found)
    gaps = _gaps(before, words)
    if gaps is None:
        return _joined(word.text for word in found)
    text = ""
    last = -1
    for token in tokens:
        gap = gaps[token.first] if token.first != last else " "
        text += (gap if text else "") + token.word.text
        last = token.first
    return text


def _lines(words: Sequence[Word]) -> str:
    """The words as text; of separate channels or speakers, one line for each turn."""
    if any(voice_of(word) for word in words):
        return "\n".join(_joined(word.text for word in turn) for turn in turns_of_words(words))
    return _joined(word.text for word in words)


def _gaps(text: str, words: Sequence[Word]) -> list[str] | None:
    """What is between the words in ``text``, before each of them; ``None`` if they are not found in it."""
    gaps = []
    at = 0
    for word in words:
        start = text.find(word.text, at)
        if start < 0:
            return None
        gaps.append(text[at:start])
        at = start + len(word.text)
    return gaps


def _joined(texts: Iterable[str]) -> str:
    joined = ""
    for text in texts:
        joined += f"{' ' * blank_between(joined, text)}{text}"
    return joined

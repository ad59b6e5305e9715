"""Numbers among words as written: punctuation ends a clause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wav2vec2_app.speech.replacement_rules import split_punctuation
from wav2vec2_app.speech.writing.digits import Digits, digits_in
from wav2vec2_app.speech.writing.number_words import DECADES, NUMBER_WORDS, ORDINALS, PARTS


def number_spans(texts: Sequence[str]) -> Iterator[Digits]:
    """The numbers among words as written: punctuation ends a clause, and stays where it is."""
    clause: list[tuple[str, int]] = []
    for index, text in enumerate(texts):
        before, core, after = split_punctuation(text)
        if before:
            yield from _of_clause(texts, clause)
            clause = []
        clause += [(part, index) for part in _parts(core.lower())]
        if after:
            yield from _of_clause(texts, clause)
            clause = []
    yield from _of_clause(texts, clause)


def _parts(word: str) -> list[str]:
    """“twenty-one” in two; other words unchanged."""
    plain = word.replace("’", "'")
    parts = plain.split("-")
    known = {*NUMBER_WORDS, *ORDINALS, *PARTS, *DECADES}
    return parts if len(parts) > 1 and known.issuperset(parts) else [plain]


def _of_clause(texts: Sequence[str], clause: Sequence[tuple[str, int]]) -> Iterator[Digits]:
    words = [word for word, _ in clause]
    for found in digits_in(words):
        first, last = clause[found.start][1], clause[found.end - 1][1]
        whole = (found.start == 0 or clause[found.start - 1][1] != first) and (
            found.end == len(clause) or clause[found.end][1] != last
        )
        if whole:
            before, _, _ = split_punctuation(texts[first])
            _, _, after = split_punctuation(texts[last])
            if found.text.endswith(".") and after.startswith("."):
                after = after[1:]
            yield Digits(first, last + 1, f"{before}{found.text}{after}")

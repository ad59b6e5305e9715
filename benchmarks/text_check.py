"""``python -m benchmarks.text_check``: how many changed words of a text are marked when it is aligned.

The true texts of ``../shared/speech`` beside a checkout are changed by a seed: a word is added (it is then
skipped in the recording), left out (inserted), or replaced by any other word or by the one that is spelled
most alike (mispronounced). The limits of ``speech/text_check.py`` were chosen on the speakers that are held
out for tuning; the figures are of ``test-clean-60`` and ``accents-50``, on which nothing was chosen.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from rapidfuzz.distance import Levenshtein

from benchmarks.recognition import TEST_SET, from_table
from benchmarks.report import Figure, show
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.speech.text_check import TextCheck, check_text
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import align
from wav2vec2_app.worker.model.decoding import EmissionDecoder, tokenizer_of
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

SETS: Final = (TEST_SET, TEST_SET.with_name("accents-50.tsv"))
SEEDS: Final = (0, 1, 2)
CHANGES: Final = 2
"""Changed words of each text, at most a quarter of its words."""
MIN_WORDS: Final = 5
KINDS: Final = ("skipped", "inserted", "mispronounced", "similar")


@dataclass(frozen=True)
class ChangedText:
    """A changed text: what each of its words should be marked as, and where words were left out."""

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    left_out: tuple[int, ...]


def changed(words: Sequence[str], vocabulary: Sequence[str], seed: str) -> ChangedText:
    """``words`` with a few changes that ``seed`` determines."""
    dice = random.Random(seed)
    places = sorted(dice.sample(range(len(words)), min(CHANGES, len(words) // 4)))
    change = {place: dice.choice(KINDS) for place in places}
    given: list[tuple[str, str]] = []
    left_out: list[int] = []
    for at, word in enumerate(words):
        kind = change.get(at, "said")
        if kind == "inserted":
            left_out.append(len(given))
            continue
        if kind != "said":
            given.append((_other(word, vocabulary, dice, similar=kind == "similar"), kind))
        if kind in ("said", "skipped"):
            given.append((word, "said"))
    return ChangedText(
        tuple(word for word, _ in given), tuple(kind for _, kind in given), tuple(left_out)
    )


def _other(word: str, vocabulary: Sequence[str], dice: random.Random, *, similar: bool) -> str:
    others = [one for one in vocabulary if one != word]
    if not similar:
        return dice.choice(others)
    return min(others, key=lambda one: (_distance(one, word), one))


def _distance(one: str, other: str) -> float:
    return Levenshtein.normalized_distance(one, other)


def count(text: ChangedText, check: TextCheck, counts: Counter[tuple[str, str]]) -> None:
    """Count the marks by what they should be; an inserted word may be a word off its place."""
    counts.update(zip(text.kinds, (one.mark for one in check.words), strict=True))
    left = list(text.left_out)
    for one in check.inserted:
        place = next((place for place in left if abs(place - one.before) <= 1), None)
        counts["inserted" if place is not None else "said", "inserted"] += 1
        if place is not None:
            left.remove(place)
    counts["inserted", "said"] += len(left)


def _recognized(table: Path) -> Iterator[tuple[list[str], Emission, Sequence[Word]]]:
    folder = assets_path()
    recognizer = Recognizer(
        Checkpoint("embedded", folder / "model", "embedded"), OpenVinoEngine("fp32")
    )
    decoder = EmissionDecoder(folder / "lm")
    for path, text in from_table(table):
        samples = soundfile.read(path, dtype="float32")[0].astype(np.float32)
        emission = recognizer.emit(samples)
        yield text.split(), emission, decoder.decode(emission, DEFAULT_OPTIONS, embedded=True).words


def counted(table: Path) -> Counter[tuple[str, str]]:
    """How often words of each kind got each mark."""
    counts: Counter[tuple[str, str]] = Counter()
    found = [one for one in _recognized(table) if len(one[0]) >= MIN_WORDS]
    vocabulary = sorted({word for words, _, _ in found for word in words})
    for number, (words, emission, transcript) in enumerate(found):
        for seed in SEEDS:
            text = changed(words, vocabulary, f"{number} {seed}")
            aligned = align(emission, " ".join(text.words), tokenizer_of(emission))
            count(text, check_text(aligned.words, transcript), counts)
    return counts


def figures(name: str, counts: Counter[tuple[str, str]]) -> Iterator[Figure]:
    """Precision and recall of each mark, and the share of unchanged words that have one."""
    for mark, kinds in (
        ("skipped", ("skipped",)),
        ("inserted", ("inserted",)),
        ("mispronounced", ("mispronounced", "similar")),
    ):
        right = sum(counts[kind, mark] for kind in kinds)
        given = sum(number for (_, one), number in counts.items() if one == mark)
        yield Figure(f"{name}: {mark}, precision", _percent(right, given), "%")
        for kind in kinds:
            there = sum(number for (one, _), number in counts.items() if one == kind)
            what = "replaced by a similar word" if kind == "similar" else kind
            recall = _percent(counts[kind, mark], there)
            yield Figure(f"{name}: {what} ({there}), recall", recall, "%")
    wrong = counts["said", "skipped"] + counts["said", "mispronounced"]
    unmarked = counts["said", "said"]
    yield Figure(f"{name}: unchanged words with a mark", _percent(wrong, wrong + unmarked), "%")


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def measure() -> Sequence[Figure]:
    tables = [table for table in SETS if table.exists()]
    if not tables:
        print("../shared/speech was not found.")
    return [one for table in tables for one in figures(table.stem, counted(table))]


if __name__ == "__main__":
    show("text_check", measure())

"""Sentences for synthetic speech: everyday words first, and none that an example clip speaks.

Half of the sentences are drawn as they come; the other half only where they bring a word of the top
vocabulary that is still rare in what was drawn, so that common words are all met several times.

Run `python -m training.text --count 20` to look at some.
"""

import argparse
import itertools
import lzma
import random
import re
from collections import Counter
from collections.abc import Iterator

from training.examples import example_texts
from training.paths import NOVELS, STATE

SPOKEN = {"mr": "mister", "mrs": "missus", "dr": "doctor"}
LETTERS_THAT_ARE_WORDS = frozenset({"a", "i", "o"})
TOP_WORDS = 12_000  # a sentence with a rarer word is left out
COMMON_WORDS = 5_000  # the words that coverage looks after
COVERAGE = 20  # how often coverage wants each of them


def word_runs(text: str, length: int = 4) -> set[tuple[str, ...]]:
    """Return every run of `length` words in `text`."""
    words = text.split()
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def usable_sentences(shortest: int, longest: int) -> list[str]:
    """Return sentences of `shortest` to `longest` words that a synthesiser reads well."""
    forbidden = set().union(*(word_runs(text) for text in example_texts()))
    with lzma.open(NOVELS, "rt", encoding="utf-8") as file:
        lines = [line.split() for line in file]
    counts = Counter(word for words in lines for word in words)
    odd = re.compile(r"^[a-z]$|^[ivxlc]+$|'.*'|^'|^(st|vol|chap|etc|viz|esq)$")
    allowed = {
        word
        for word, _ in counts.most_common(TOP_WORDS)
        if word in LETTERS_THAT_ARE_WORDS or word in {"mix", "civil", "ill"} or not odd.search(word)
    }
    chosen = []
    for words in lines:
        if shortest <= len(words) <= longest and allowed.issuperset(words):
            text = " ".join(SPOKEN.get(word, word) for word in words)
            if not word_runs(text) & forbidden:
                chosen.append(text)
    return chosen


def training_sentences(
    seed: int = 1, shortest: int = 3, longest: int = 22, common: int = 0
) -> Iterator[str]:
    """Yield different sentences until the corpus is used up; the usable ones are cached.

    With `common`, yield instead all that are made of no other than that many commonest words.
    """
    cache = STATE / "sentences.txt"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text("\n".join(usable_sentences(shortest, longest)))
    pool = cache.read_text().split("\n")
    random.Random(seed).shuffle(pool)
    if common:
        known = common_words(common)
        yield from (text for text in pool if known.issuperset(text.split()))
        return
    counts = Counter(word for text in pool for word in text.split())
    common = {word for word, _ in counts.most_common(COMMON_WORDS)}
    seen: Counter[str] = Counter()
    for index, text in enumerate(pool):
        words = text.split()
        if index % 40 and not any(word in common and seen[word] < COVERAGE for word in words):
            continue
        seen.update(words)
        yield text


def common_words(count: int) -> frozenset[str]:
    """Return the `count` commonest words of the usable sentences."""
    with (STATE / "sentences.txt").open() as file:
        counts = Counter(
            word for line in itertools.islice(file, 0, None, 4) for word in line.split()
        )
    return frozenset(word for word, _ in counts.most_common(count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    for _, sentence in zip(range(parser.parse_args().count), training_sentences(), strict=False):
        print(sentence)

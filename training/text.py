"""Sentences for synthesis, the language model and tests, and which of them are held out.

Run `python -m training.text --count 20` to print some training sentences.
"""

import argparse
import functools
import json
import lzma
import random
import re
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from num2words import num2words

from training.examples import example_texts
from training.paths import EVERYDAY, NOVELS

HELD_OUT_ONE_IN = 50  # everyday sentences kept out of training and language model
TITLES = {"mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "st": "saint"}
SKIP = re.compile(r"[0-9&/()*_@#%+=<>\[\]]|[^\x00-\x7f‘’“”—–…]|\b[A-Z]\.|\b[B-HJ-NP-Z] [A-Z]\b")


def plain(text: str) -> str:
    """Return lower-case words (letters, apostrophe, space) without punctuation."""
    text = text.replace("’", "'").replace("‘", "'").lower()
    words = re.sub(r"[^a-z']+", " ", text).split()
    words = [
        word.strip("'") if word.strip("'") not in {"em", "tis", "twas"} else word for word in words
    ]
    return " ".join(TITLES.get(word, word) for word in words if word)


def word_runs(text: str, length: int = 4) -> set[tuple[str, ...]]:
    """Return every run of `length` words in plain text."""
    words = text.split()
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def quotes_example(text: str) -> bool:
    """Return whether plain text shares four words in a row with an example clip."""
    return not word_runs(text).isdisjoint(_example_runs())


@functools.cache
def _example_runs() -> frozenset[tuple[str, ...]]:
    return frozenset().union(*(word_runs(text) for text in example_texts()))


def everyday_sentences(*, held_out: bool = False) -> list[str]:
    """Return cased everyday sentences, without those that need more than letters to be spelled."""
    with lzma.open(EVERYDAY, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [
        line
        for line in lines
        if not SKIP.search(line)
        and not quotes_example(plain(line))
        and (zlib.crc32(line.encode()) % HELD_OUT_ONE_IN == 0) is held_out
    ]


def novel_sentences(shortest: int, longest: int, seed: int, count: int) -> list[str]:
    """Return `count` random lower-case sentences of `shortest` to `longest` words."""
    with lzma.open(NOVELS, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file if shortest <= line.count(" ") + 1 <= longest]
    lines = [line for line in lines if not re.search(r"\b[b-hj-np-z]\b|\b[ivxlc]{2,}\b", line)]
    return random.Random(seed).sample(lines, min(count, len(lines)))


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEMPLATES = json.loads((Path(__file__).parent / "templates.json").read_text(encoding="utf-8"))
SLOTS = {name: words.split("|") for name, words in TEMPLATES["slots"].items()}


def spoken_year(rng: random.Random) -> str:
    """Return a year as it is said."""
    return num2words(rng.randint(1700, 2030), to="year").replace("-", " ")


def spoken_time(rng: random.Random) -> str:
    """Return a time of day as it is said."""
    hour = num2words(rng.randint(1, 12))
    minute = rng.choice(["", *map(num2words, range(10, 60, 5)), num2words(rng.randint(10, 59))])
    half = rng.choice(["", "", " in the morning", " in the afternoon", " o'clock"])
    if half == " o'clock" or not minute:
        return hour + (" o'clock" if rng.random() < 0.6 else "")
    if rng.random() < 0.2:
        return f"{rng.choice(['half past', 'quarter past', 'quarter to'])} {hour}"
    return f"{hour} {minute}{half}".replace("-", " ")


def spoken_money(rng: random.Random) -> str:
    """Return an amount of money as it is said."""
    unit, small = rng.choice([("dollars", "cents"), ("pounds", "pence"), ("euros", "cents")])
    amount = num2words(rng.choice([rng.randint(2, 99), rng.randint(100, 9999)]))
    change = f" and {num2words(rng.randint(5, 99))} {small}" if rng.random() < 0.4 else ""
    return f"{amount} {unit}{change}".replace("-", " ").replace(",", "")


def fill(template: str, rng: random.Random) -> str:
    """Return a sentence made of `template`, every slot drawn at random."""
    draw = {
        "n": lambda: num2words(rng.choice([rng.randint(1, 12), rng.randint(1, 99)])),
        "big": lambda: num2words(int(10 ** rng.uniform(2, 6))),
        "ordinal": lambda: num2words(rng.randint(1, 31), to="ordinal"),
        "time": lambda: spoken_time(rng),
        "year": lambda: spoken_year(rng),
        "money": lambda: spoken_money(rng),
        "date": lambda: (
            f"{rng.choice(SLOTS['month'])} {num2words(rng.randint(1, 31), to='ordinal')}"
        ),
        "digits": lambda: " ".join(rng.choice(DIGITS) for _ in range(rng.randint(3, 9))),
    }
    draw |= {name: partial(rng.choice, words) for name, words in SLOTS.items()}
    text = re.sub(r"{(\w+)}", lambda slot: draw[slot.group(1)]().replace("-", " "), template)
    return text[0].upper() + text[1:].replace(",000", "")


def template_sentences(seed: int) -> Iterator[str]:
    """Yield sentences with numbers, names, dates and commands without end."""
    rng = random.Random(seed)
    while True:
        yield fill(rng.choice(TEMPLATES["training"]), rng)


def training_sentences(seed: int = 1) -> Iterator[str]:
    """Yield every everyday sentence once, every eighth sentence from a template."""
    sentences = everyday_sentences()
    random.Random(seed).shuffle(sentences)
    templates = template_sentences(seed)
    for index, sentence in enumerate(sentences):
        yield sentence
        if index % 7 == 0:
            yield next(templates)


def unseen_sentences(count: int, seed: int = 1) -> list[str]:
    """Return held-out everyday sentences (6 of 10) and unseen templates, for the test clips."""
    rng = random.Random(seed)
    everyday = [s for s in everyday_sentences(held_out=True) if 4 <= len(s.split()) <= 18]
    chosen = rng.sample(everyday, round(count * 0.6))
    made = [fill(rng.choice(TEMPLATES["test"]), rng) for _ in range(count - len(chosen))]
    return chosen + made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    for _, sentence in zip(range(parser.parse_args().count), training_sentences(), strict=False):
        print(f"{sentence}\n    {plain(sentence)}")

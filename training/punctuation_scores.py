"""F1 of marks and of capital letters on held-out text."""

from collections import Counter
from pathlib import Path

from training.punctuation_text import Paragraph, messages, paragraphs, tokens
from training.text import everyday_sentences
from wav2vec2_app.worker.model.punctuation import MARKS, Punctuator

SAMPLE = "hello i'm john how are you today i'd like to go to london on monday if that's okay"


def f1(hits: int, found: int, true: int) -> float:
    """Return the F1 of counts."""
    return round(2 * hits / max(1, found + true), 3)


def mark_scores(
    tests: list[Paragraph], punctuator: Punctuator, *, last: bool = False
) -> dict[str, float]:
    """Return the F1 of each mark; the last word of a text counts only if `last`: it always ends."""
    hits, found, true = (Counter[int]() for _ in range(3))
    for words, marks in tests:
        pairs = list(zip(punctuator.marks(words), marks, strict=True))
        for got, wanted in pairs if last else pairs[:-1]:
            found[got] += 1
            true[wanted] += 1
            hits[got] += got == wanted
    return {
        mark: f1(hits[index], found[index], true[index])
        for index, mark in enumerate(MARKS[1:], start=1)
    }


def capital_score(sentences: list[str], punctuator: Punctuator) -> float:
    """Return the F1 of capital letters inside sentences (names, "I")."""
    hits = found = true = 0
    for sentence in sentences:
        spoken = tokens(sentence)
        written = punctuator.written([word for _, word, _ in spoken])
        for place in range(1, len(spoken)):
            if spoken[place - 1][2] > 1 or written[place - 1][-1] in ".?":
                continue
            got, wanted = written[place][:1].isupper(), spoken[place][0][:1].isupper()
            hits, found, true = hits + (got and wanted), found + got, true + wanted
    return f1(hits, found, true)


def report(folder: Path) -> None:
    """Print the scores and the size of a model."""
    punctuator = Punctuator(folder)
    held_out = {
        "everyday": everyday_sentences(held_out=True),
        "typed": messages(held_out=True),
    }
    for name, sentences in held_out.items():
        tests = list(paragraphs(sentences, 1))
        print(f"{name}, {len(tests)} paragraphs: {mark_scores(tests, punctuator)}")
        print(f"  with the last word of each: {mark_scores(tests, punctuator, last=True)}")
        print(f"  capital letters inside sentences: {capital_score(sentences, punctuator)}")
    size = sum((folder / file).stat().st_size for file in ("marks.npz", "words.json"))
    print(f"{size / 1e6:.2f} MB")
    print(" ".join(punctuator.written(SAMPLE.split())))

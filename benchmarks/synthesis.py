"""``python -m benchmarks.synthesis [WHISPER]``: word errors of the synthesis against its transcripts.

Two mixtures: three transcripts of differently damaged recordings by the embedded model, and, where
``WHISPER`` is a folder with a Whisper model in CTranslate2's format, the embedded model and Whisper. Weights
and shares are tuned on speakers held out of training; the figures are those of test-clean-60.

Transcripts are cached in ``benchmarks/results/synthesis``; delete the folder to make them again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.report import Figure, show
from benchmarks.synthesis_transcripts import (
    SPEECH,
    Damage,
    Utterance,
    by_damage,
    by_whisper,
    held_out,
    test_set,
)
from wav2vec2_app.speech.rover import synthesize
from wav2vec2_app.speech.synthesis import SynthesisOptions
from wav2vec2_app.speech.transcript import Transcript
from wav2vec2_app.speech.word_errors import word_errors

DAMAGES: Final = (
    Damage("greedy, clean", "greedy"),
    Damage("beam, white noise at 15 dB", "beam", 0.0, 15.0),
    Damage("beam, pink noise at 10 dB", "beam", 1.0, 10.0),
)
CLEAN: Final = Damage("wav2vec2, beam", "beam")
WEIGHTS: Final = (0.3, 0.5, 0.7, 1.0, 1.2, 1.5, 2.0, 3.0)
SHARES: Final = (0.2, 0.35, 0.5, 0.7, 1.0)
ROUNDS: Final = 2
"""How often each value is tuned."""
STARTS: Final = ((0.7, 0.5), (1.0, 1.0))
"""Shares of absence and confidence with which the tuning begins; the better end counts."""

Mixture = Mapping[str, Sequence[Transcript]]
"""Transcripts of the same utterances by the names of their sources."""


def measure(whisper: Path | None = None) -> Sequence[Figure]:
    if not (SPEECH / "train.tsv").exists():
        print("The recordings were not found: nothing is measured.")
        return []
    figures = _compared("three damages", *(_damaged(one) for one in ("held-out", "test")))
    if whisper is not None:
        pair = [_with_whisper(one, whisper) for one in ("held-out", "test")]
        figures += _compared("wav2vec2 + Whisper", *pair)
    return figures


def _utterances(name: str) -> list[Utterance]:
    return test_set() if name == "test" else held_out()


def _damaged(name: str) -> Mixture:
    return {one.name: by_damage(name, _utterances(name), one) for one in DAMAGES}


def _with_whisper(name: str, folder: Path) -> Mixture:
    utterances = _utterances(name)
    return {
        CLEAN.name: by_damage(name, utterances, CLEAN),
        "Whisper base": by_whisper(name, utterances, folder),
    }


def _compared(title: str, tuning: Mixture, testing: Mixture) -> list[Figure]:
    """Each transcript alone, and the synthesis with options tuned on other speakers."""
    references = [one.reference for one in test_set()]
    single = {
        name: _rate([one.text for one in found], references) for name, found in testing.items()
    }
    options = tuned(tuning, [one.reference for one in held_out()])
    weights = ", ".join(f"{name}: {weight:g}" for name, weight in options.weights.items())
    print(
        f"{title}: {weights}; absence {options.absence_share:g}; confidence {options.confidence_share:g}"
    )
    equal = _rate(_texts(testing, SynthesisOptions()), references)
    voted = _rate(_texts(testing, options), references)
    return [
        *(Figure(f"{title}: {name}", rate, "%") for name, rate in single.items()),
        Figure(f"{title}: synthesis, equal weights", equal, "%"),
        Figure(f"{title}: synthesis, tuned", voted, "%", min(single.values())),
    ]


def tuned(mixture: Mixture, references: Sequence[str]) -> SynthesisOptions:
    """Options with few word errors: one value after the other, the others fixed."""
    ends = []
    for absence, confidence in STARTS:
        options = SynthesisOptions(
            weights=dict.fromkeys(mixture, 1.0),
            absence_share=absence,
            confidence_share=confidence,
        )
        for _ in range(ROUNDS):
            options = _tuned_once(options, mixture, references)
        ends.append(options)
    return _best(ends[0], ends[1:], mixture, references)


def _tuned_once(
    options: SynthesisOptions, mixture: Mixture, references: Sequence[str]
) -> SynthesisOptions:
    for name in list(mixture)[1:]:  # only the ratio of the weights matters
        trials = [replace(options, weights={**options.weights, name: weight}) for weight in WEIGHTS]
        options = _best(options, trials, mixture, references)
    trials = [replace(options, absence_share=share) for share in SHARES]
    options = _best(options, trials, mixture, references)
    trials = [replace(options, confidence_share=share) for share in SHARES]
    return _best(options, trials, mixture, references)


def _best(
    options: SynthesisOptions,
    trials: Sequence[SynthesisOptions],
    mixture: Mixture,
    references: Sequence[str],
) -> SynthesisOptions:
    """The best trial; the first of equal ones, and the options so far before all."""
    return min((options, *trials), key=lambda one: _rate(_texts(mixture, one), references))


def _texts(mixture: Mixture, options: SynthesisOptions) -> list[str]:
    count = len(next(iter(mixture.values())))
    return [
        synthesize({name: found[at] for name, found in mixture.items()}, options).text
        for at in range(count)
    ]


def _rate(texts: Sequence[str], references: Sequence[str]) -> float:
    """Word error rate over all utterances, percent."""
    found = [word_errors(one, text) for one, text in zip(references, texts, strict=True)]
    errors = sum(one.substitutions + one.deletions + one.insertions for one in found)
    return 100 * errors / sum(one.words for one in found)


if __name__ == "__main__":
    show("synthesis", measure(*(Path(argument) for argument in sys.argv[1:2])))

"""Fit the embedded checkpoint's confidences to how often its words are right.

Run `python -m training.calibrate` after the weights, the language model or the beam's settings have
changed: it decodes the held-out speakers as the application does, fits a logistic map and writes
`assets/model/confidence.json`. `--report` also scores test-clean-60, which is never fitted on.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np

from training.data import Utterance, held_out_utterances, read_audio, read_table
from training.paths import MODEL, REPO, SPEECH
from wav2vec2_app.model import confidence
from wav2vec2_app.model.alignment import AlignedWord, align_words
from wav2vec2_app.model.confidence import FEATURES, Calibration
from wav2vec2_app.model.decoders import BeamDecoder
from wav2vec2_app.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.model.lexicon import Lexicon
from wav2vec2_app.model.reading import speller_of
from wav2vec2_app.model.recognizer import Recognizer
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.model.speech import find_speech, only_speech
from wav2vec2_app.types import AS_USUAL, Emission, Word

RIDGE = 1.0  # pulls weights to zero as one word of prior evidence would
BINS = 10


@dataclass(frozen=True)
class Words:
    """Decoded words: features `(words, features)`, whether each is right, and its speaker."""

    features: np.ndarray
    right: np.ndarray
    speaker: np.ndarray


def is_right(said: str, words: list[str]) -> np.ndarray:
    """Return for each decoded word whether the word alignment matches it with one that was said."""
    right = np.zeros(len(words))
    for chunk in jiwer.process_words(said, " ".join(words)).alignments[0]:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = 1
    return right


def judged(emission: Emission, words: tuple[Word, ...]) -> np.ndarray:
    """Return the features of decoded words, as the application aligns them."""
    found: list[np.ndarray] = []

    def keep(part: Emission, aligned: list[AlignedWord]) -> list[float]:
        found.append(confidence.features(part, aligned))
        return [0.0] * len(aligned)

    align_words(emission, words, speller_of(emission), keep)
    return np.concatenate(found)


def collect(recognizer: Recognizer, lm: Path, table: list[Utterance]) -> Words:
    """Decode every utterance with the default beam."""
    features, right, speaker = [], [], []
    decoder = None
    for item in table:
        emission = recognizer.emit(read_audio(item.path).astype(np.float32) / 32768)
        decoder = decoder or BeamDecoder(Lexicon(lm, emission), AS_USUAL)
        heard = only_speech(emission, find_speech(emission, emission.energy_db))
        words = decoder.words(heard)
        if words:
            features.append(judged(heard, words))
            right.append(is_right(item.text, [word.text.lower() for word in words]))
            speaker += [item.speaker] * len(words)
    return Words(np.concatenate(features), np.concatenate(right), np.array(speaker))


def fit(features: np.ndarray, right: np.ndarray) -> Calibration:
    """Return the logistic regression of `right` on standardised features, by Newton's method."""
    means, scales = features.mean(axis=0), features.std(axis=0) + 1e-9
    columns = np.column_stack([np.ones(len(right)), (features - means) / scales])
    ridge = RIDGE * np.diag([0.0, *np.ones(len(FEATURES))])
    weights = np.zeros(columns.shape[1])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (right - guess) - ridge @ weights
        curvature = (columns.T * (guess * (1 - guess))) @ columns + ridge
        step = np.linalg.solve(curvature, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    return Calibration(float(weights[0]), means, scales, weights[1:])


def across_speakers(words: Words) -> np.ndarray:
    """Return the confidence of each word by a fit without its speaker."""
    guess = np.zeros(len(words.right))
    for speaker in np.unique(words.speaker):
        here = words.speaker == speaker
        guess[here] = fit(words.features[~here], words.right[~here]).confidences(
            words.features[here]
        )
    return guess


def auroc(guess: np.ndarray, right: np.ndarray) -> float:
    """Return how often a right word is ranked above a wrong one, ties counting half."""
    order = np.unique(guess, return_inverse=True, return_counts=True)
    below = np.cumsum(order[2]) - order[2]
    ranks = below[order[1]] + (order[2][order[1]] + 1) / 2
    hits = int(right.sum())
    return float((ranks[right == 1].sum() - hits * (hits + 1) / 2) / (hits * (len(right) - hits)))


def calibration_error(guess: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error over ten bins of equal width (Guo et al. 2017, §2)."""
    bins = np.minimum((guess * BINS).astype(int), BINS - 1)
    return float(
        sum(
            abs(guess[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
            for one in np.unique(bins)
        )
    )


def scores(guess: np.ndarray, right: np.ndarray) -> dict[str, float]:
    return {
        "words": len(right),
        "right": round(float(right.mean()), 3),
        "auroc": round(auroc(guess, right), 3),
        "ece": round(calibration_error(guess, right), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--lm", type=Path, default=REPO / "assets" / "lm")
    parser.add_argument("--report", action="store_true", help="score test-clean-60 as well")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    recognizer = Recognizer(
        Checkpoint("calibrated", options.model, "folder"),
        OpenVinoEngine(precision="fp32", threads=options.threads),
    )
    held_out = collect(recognizer, options.lm, held_out_utterances())
    calibration = fit(held_out.features, held_out.right)
    found = scores(across_speakers(held_out), held_out.right)
    print("held-out speakers, each by a fit without it:", found)
    document = calibration.document({"decoder": "beam", **found})
    path = options.model / confidence.CALIBRATION
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{path.name}: {json.dumps(document['features'])}")
    if options.report:
        test = collect(recognizer, options.lm, read_table(SPEECH / "test-clean-60.tsv"))
        print("test-clean-60:", scores(calibration.confidences(test.features), test.right))


if __name__ == "__main__":
    main()

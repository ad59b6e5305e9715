"""Measure the embedded checkpoint's prior, and fit its confidences to how often its words are right.

Run `python -m training.calibrate` after the weights, the language model or the beam's settings have
changed: it writes `assets/model/prior.json`, decodes the held-out speakers as the application does,
fits a logistic map and writes `assets/model/confidence.json`. `--report` also scores test-clean-60,
which is never fitted on.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jiwer
import numpy as np

from training.data import Utterance, read_audio, read_table, tuning_utterances
from training.paths import MODEL, REPO, SPEECH
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.worker.model import confidence
from wav2vec2_app.worker.model.alignment import align_words
from wav2vec2_app.worker.model.confidence import EMISSION_FEATURES, LEAD_FEATURES, Calibration
from wav2vec2_app.worker.model.decoders import BeamDecoder, DecodedWords, Decoder, GreedyDecoder
from wav2vec2_app.worker.model.decoding import tokenizer_of
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.prior import PRIOR_FILE, measure_prior, read_prior
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint
from wav2vec2_app.worker.model.speech_activity import find_speech, mask_non_speech

PRIOR_WEIGHT = 0.65  # tuned together with the beam's settings, see training.tune
RIDGE = 1.0  # pulls weights to zero as one word of prior evidence would
BINS = 10


@dataclass(frozen=True)
class Words:
    """DecodedWords words: features `(words, features)`, whether each is right, and its speaker."""

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


def judged(emission: Emission, decoded: DecodedWords) -> np.ndarray:
    """Return the features of decoded words, as the application aligns them."""
    found: list[np.ndarray] = []

    def keep(
        part: Emission, aligned: Sequence[AlignedWord], leads: Sequence[float] | None
    ) -> list[float]:
        values = confidence.features(part, aligned)
        if leads is not None:
            values = np.hstack([values, confidence.lead_features(leads)])
        found.append(values)
        return [0.0] * len(aligned)

    align_words(emission, decoded.words, tokenizer_of(emission), keep, decoded.leads)
    return np.concatenate(found)


def emissions_of(recognizer: Recognizer, table: list[Utterance]) -> list[Emission]:
    """Return what the model hears of every utterance."""
    return [recognizer.emit(read_audio(item.path).astype(np.float32) / 32768) for item in table]


def collect(emissions: list[Emission], decoder: Decoder, table: list[Utterance]) -> Words:
    """Decode every utterance."""
    features, right, speaker = [], [], []
    for item, emission in zip(table, emissions, strict=True):
        heard = mask_non_speech(emission, find_speech(emission, emission.energy_db))
        decoded = decoder.decode(heard)
        if decoded.words:
            features.append(judged(heard, decoded))
            right.append(is_right(item.text, [word.text.lower() for word in decoded.words]))
            speaker += [item.speaker] * len(decoded.words)
    return Words(np.concatenate(features), np.concatenate(right), np.array(speaker))


def fit(features: np.ndarray, right: np.ndarray) -> Calibration:
    """Return the logistic regression of `right` on standardised features, by Newton's method."""
    means, scales = features.mean(axis=0), features.std(axis=0) + 1e-9
    columns = np.column_stack([np.ones(len(right)), (features - means) / scales])
    ridge = RIDGE * np.diag([0.0, *np.ones(features.shape[1])])
    weights = np.zeros(columns.shape[1])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (right - guess) - ridge @ weights
        curvature = (columns.T * (guess * (1 - guess))) @ columns + ridge
        step = np.linalg.solve(curvature, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    names = (*EMISSION_FEATURES, *LEAD_FEATURES)[: features.shape[1]]
    return Calibration(names, float(weights[0]), means, scales, weights[1:])


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
    table = tuning_utterances()
    emissions = emissions_of(recognizer, table)
    prior = measure_prior(emissions, PRIOR_WEIGHT)
    (options.model / PRIOR_FILE).write_text(json.dumps(prior, indent=1) + "\n", encoding="utf-8")
    taken_off = read_prior(options.model, emissions[0].vocabulary)
    sets = {"held-out": (table, [replace(e, prior=taken_off) for e in emissions])}
    if options.report:
        table = read_table(SPEECH / "test-clean-60.tsv")
        heard = [replace(e, prior=taken_off) for e in emissions_of(recognizer, table)]
        sets["test-clean-60"] = (table, heard)
    decoders = {
        "greedy": GreedyDecoder(),
        "beam": BeamDecoder(Lexicon(options.lm, emissions[0]), DEFAULT_OPTIONS),
    }
    maps = {}
    for name, decoder in decoders.items():
        words = {label: collect(heard, decoder, said) for label, (said, heard) in sets.items()}
        held_out = words["held-out"]
        calibration = fit(held_out.features, held_out.right)
        found = scores(across_speakers(held_out), held_out.right)
        print(f"{name}, held-out speakers, each by a fit without it:", found)
        maps[name] = calibration.document(found)
        print({key: value["weight"] for key, value in maps[name]["features"].items()})
        if options.report:
            test = words["test-clean-60"]
            found = scores(calibration.confidences(test.features), test.right)
            print(f"{name}, test-clean-60:", found)
    path = options.model / confidence.CALIBRATION_FILE
    path.write_text(json.dumps(confidence.document_of(maps), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

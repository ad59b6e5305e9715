"""``python -m benchmarks.scores [FEATURE ...] [--model NAME]``: the scores that capabilities report.

Measures ``transcription``, ``alignment`` and ``analysis``, or those that are named, and writes them with
today's date into ``assets/scores.json``, which is the source of the adapter. Run at a release. Scores that
are not measured stay unchanged; where the recordings are missing, nothing is written.

- transcription: 1 - word error rate on LibriSpeech test-clean-60, or on the bundled clips if that set is
  missing; the score says which.
- alignment: share of word boundaries within 100 ms of the reference.
- analysis: share of frames of synthetic voices whose voicing is right and whose pitch is within 50 cents.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, show
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.status import FeatureScore
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.models import EMBEDDED
from wav2vec2_app.worker.audio import features

SCORES = assets_path() / "scores.json"
ANY_MODEL = ""
NEAR_MS = 100
NEAR_CENTS = 50
VOICES = 20
VOICE_S = 4.0
TURN_S = 0.5
"""Length of a voiced and of an unvoiced part, seconds."""
EDGE_S = 0.04
"""Frames nearer to the edge of a part are left out: their window has both."""


def transcription(model: str) -> FeatureScore:
    """1 - word error rate, at least 0."""
    import jiwer

    from benchmarks import recognition

    data, utterances = "bundled clips", recognition.examples()
    if recognition.TEST_SET.exists():
        data = f"LibriSpeech {recognition.TEST_SET.stem}"
        utterances = recognition.from_table(recognition.TEST_SET)
    texts = asyncio.run(recognition.hypotheses(utterances, model))
    error_rate = jiwer.wer([text for _, text in utterances], texts)
    return _score(max(0.0, 1 - error_rate), "1 - word error rate", data)


def word_boundaries(_: str) -> FeatureScore | None:
    """Share of the boundaries of words that are near the reference."""
    from benchmarks import alignment

    if not alignment.WORD_TIMES.exists():
        return None
    near = np.concatenate(alignment.boundary_errors_ms()) <= NEAR_MS
    measure = f"share of word boundaries within {NEAR_MS} ms"
    return _score(
        float(near.mean()), measure, f"{alignment.WORD_TIMES.stem}, {near.size} boundaries"
    )


def pitch(_: str) -> FeatureScore:
    """Share of the frames of synthetic voices that are analysed correctly."""
    right = np.concatenate([_right_frames(seed) for seed in range(VOICES)])
    measure = f"share of frames with the right voicing and the pitch within {NEAR_CENTS} cents"
    return _score(float(right.mean()), measure, f"{VOICES} synthetic voices of known pitch")


def _right_frames(seed: int) -> NDArray[np.bool_]:
    samples, f0_hz = voice(seed)
    found_hz = features.extract(samples).f0_hz
    times_s = np.arange(len(found_hz)) * features.HOP_S
    inside = np.abs(times_s % TURN_S - TURN_S / 2) < TURN_S / 2 - EDGE_S
    true_hz = f0_hz[np.minimum((times_s * SAMPLE_RATE_HZ).astype(int), len(f0_hz) - 1)]
    with np.errstate(invalid="ignore"):
        near = np.abs(1200 * np.log2(found_hz / true_hz)) <= NEAR_CENTS
    right: NDArray[np.bool_] = np.where(np.isnan(true_hz), np.isnan(found_hz), near)[inside]
    return right


def voice(seed: int) -> tuple[Float32, Float32]:
    """Samples, and the pitch at each of them (NaN where there is noise only).

    Parts with a gliding pitch and up to 30 harmonics alternate with parts of noise, 30 to 50 dB softer.
    """
    draw = np.random.default_rng(seed)
    count = int(VOICE_S * SAMPLE_RATE_HZ)
    times_s = np.arange(count) / SAMPLE_RATE_HZ
    low, high = sorted(draw.uniform(90, 350, 2))
    f0_hz = low * (high / low) ** (0.5 - 0.5 * np.cos(2 * np.pi * times_s / VOICE_S))
    phase = 2 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE_HZ
    slope = draw.uniform(0.7, 1.5)
    harmonics = [np.sin(n * phase) / n**slope * (n * f0_hz < 7000) for n in range(1, 31)]
    sound = np.sum(harmonics, axis=0)
    voiced = (times_s // TURN_S) % 2 == 0
    level = draw.uniform(0.05, 0.3) / np.abs(sound).max()
    noise = draw.standard_normal(count) * level * 10 ** (draw.uniform(-50, -30) / 20)
    samples = sound * level * voiced + noise
    return samples.astype(np.float32), np.where(voiced, f0_hz, np.nan).astype(np.float32)


FEATURES: dict[str, Callable[[str], FeatureScore | None]] = {
    "transcription": transcription,
    "alignment": word_boundaries,
    "analysis": pitch,
}


def measure(chosen: Sequence[str] = tuple(FEATURES), model: str = EMBEDDED) -> Sequence[Figure]:
    """Measure and store."""
    figures = []
    for feature in chosen:
        score = FEATURES[feature](model)
        if score is None:
            print(f"{feature}: the recordings are missing, nothing is stored")
            continue
        store(ANY_MODEL if feature == "analysis" else model, feature, score)
        figures.append(Figure(f"{feature}: {score.measure} ({score.data})", score.score, ""))
    return figures


def store(model: str, feature: str, score: FeatureScore) -> None:
    """Put one score into the file."""
    stored = json.loads(SCORES.read_text(encoding="utf-8")) if SCORES.exists() else {}
    stored.setdefault(model, {})[feature] = asdict(score)
    SCORES.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _score(score: float, measure: str, data: str) -> FeatureScore:
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return FeatureScore(round(score, 4), measure, data, today.isoformat())


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", nargs="*", choices=[[], *FEATURES], default=[])
    parser.add_argument("--model", default=EMBEDDED)
    chosen = parser.parse_args(arguments)
    show("scores", measure(chosen.features or tuple(FEATURES), chosen.model))


if __name__ == "__main__":
    main(sys.argv[1:])

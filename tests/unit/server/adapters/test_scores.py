"""Scores come from the file that the benchmark writes, and from nowhere else."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks import scores as benchmark
from wav2vec2_app.server.adapters.scores import read_scores
from wav2vec2_app.server.adapters.wav2vec2 import FEATURES
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.status import FeatureScore

SCORE = {"score": 0.5, "measure": "share", "data": "clips", "date": "2026-11-28"}


def test_without_the_file_nothing_has_a_score(tmp_path: Path) -> None:
    assert read_scores(tmp_path / "scores.json") == {}


def test_what_the_benchmark_stores_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "SCORES", tmp_path / "scores.json")
    first, second = FeatureScore(**SCORE), FeatureScore(1.0, "share", "other clips", "2026-11-29")

    benchmark.store("embedded", "transcription", first)
    benchmark.store("", "analysis", first)
    benchmark.store("embedded", "alignment", second)
    benchmark.store("embedded", "transcription", second)

    assert read_scores(tmp_path / "scores.json") == {
        "embedded": {"transcription": second, "alignment": second},
        "": {"analysis": first},
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"score": -0.1},
        {"score": 1.01},
        {"score": "good"},
        {"score": None},
        {"measure": ""},
        {"data": ""},
        {"date": "yesterday"},
    ],
)
def test_a_score_that_was_not_measured_is_refused(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"embedded": {"transcription": {**SCORE, **changed}}}), "utf-8")

    with pytest.raises(ValidationError):
        read_scores(path)


def test_the_scores_of_this_release_are_of_features_that_the_adapter_lists() -> None:
    found = read_scores(assets_path() / "scores.json")

    measured = {feature for features in found.values() for feature in features}
    assert {"transcription", "analysis"} <= measured <= set(FEATURES)
    assert all(
        date.fromisoformat(score.date) <= date.today()
        for features in found.values()
        for score in features.values()
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_pitch_of_synthetic_voices_is_known(seed: int) -> None:
    samples, f0_hz = benchmark.voice(seed)

    assert len(samples) == len(f0_hz)
    assert abs(samples).max() < 1
    assert benchmark._right_frames(seed).mean() > 0.5

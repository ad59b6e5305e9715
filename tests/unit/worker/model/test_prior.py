import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.prior import PRIOR_FILE, measure_prior, read_prior, subtract_prior

TOKENS = ("<pad>", "<s>", "|", "A", "B")


def emission(*rows: tuple[float, ...]) -> Emission:
    log_probs = np.log(np.array(rows, dtype=np.float32))
    return Emission(log_probs, TOKENS, 0, "|", 0.02, ("<pad>", "<s>"))


EMISSIONS = (
    emission((0.6, 0.1, 0.1, 0.1, 0.1), (0.8, 0.05, 0.05, 0.05, 0.05)),
    emission((0.2, 0.1, 0.1, 0.5, 0.1), (0.8, 0.05, 0.05, 0.05, 0.05)),
)


def test_prior_is_the_mean_probability_of_each_token_over_all_frames() -> None:
    document = measure_prior(EMISSIONS, 0.5)

    assert document["weight"] == 0.5
    assert document["log_prior"]["<pad>"] == pytest.approx(np.log(0.6), abs=1e-3)
    assert document["log_prior"]["A"] == pytest.approx(np.log(0.175), abs=1e-3)
    assert "<s>" not in document["log_prior"]  # never spelled


def test_weighted_prior_is_subtracted_and_the_emission_unchanged(tmp_path: Path) -> None:
    (tmp_path / PRIOR_FILE).write_text(json.dumps(measure_prior(EMISSIONS, 0.5)))
    prior = read_prior(tmp_path, TOKENS)
    said = replace(EMISSIONS[0], prior=prior)

    scores = subtract_prior(said)

    assert prior is not None
    assert scores[0, 0] == pytest.approx(np.log(0.6) - 0.5 * np.log(0.6), abs=1e-3)
    assert scores[0, 3] == pytest.approx(np.log(0.1) - 0.5 * np.log(0.175), abs=1e-3)
    assert scores[0, 1] == pytest.approx(np.log(0.1), abs=1e-6)
    assert np.array_equal(said.log_probs, EMISSIONS[0].log_probs)
    assert subtract_prior(EMISSIONS[0]) is EMISSIONS[0].log_probs


@pytest.mark.parametrize(
    "document",
    [
        "no json",
        [],
        {},
        {"version": 2, "weight": 0.5, "log_prior": {}},
        {"version": 1, "weight": 7, "log_prior": {}},
        {"version": 1, "weight": 0.5, "log_prior": {"A": "much"}},
        {"version": 1, "weight": 0.5, "log_prior": {"A": float("nan")}},
        {"version": 1, "weight": 0.5, "log_prior": []},
    ],
)
def test_broken_prior_is_ignored(
    tmp_path: Path, document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    (tmp_path / PRIOR_FILE).write_text(text)

    assert read_prior(tmp_path, TOKENS) is None
    assert PRIOR_FILE in caplog.text


def test_checkpoint_without_a_prior_has_none(tmp_path: Path) -> None:
    assert read_prior(tmp_path, TOKENS) is None


def test_embedded_checkpoint_has_a_prior() -> None:
    prior = read_prior(assets_path() / "model", ("<pad>", "|", "E", "Z"))

    assert prior is not None
    assert 0 > prior[0] > prior[2] > prior[3]  # blanks are most frequent, then E, then Z

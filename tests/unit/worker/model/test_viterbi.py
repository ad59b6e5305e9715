from itertools import groupby
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model import viterbi
from wav2vec2_app.worker.model.viterbi import STAR, min_frames, viterbi_path

BLANK = 0


def noise(frames: int, tokens: int, seed: int) -> Float32:
    logits = np.random.default_rng(seed).normal(scale=3, size=(frames, tokens))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def as_labels(*labels: int) -> NDArray[np.int32]:
    return np.array(labels, dtype=np.int32)


def spoken(states: NDArray[np.int32], labels: NDArray[np.int32]) -> list[int]:
    """What a path of states collapses to."""
    tokens = [int(labels[state // 2]) if state % 2 else BLANK for state in states]
    return [token for token, _ in groupby(tokens) if token != BLANK]


def by_every_path(log_probs: Float32, labels: NDArray[np.int32]) -> float:
    """The highest log-probability of all paths that collapse to ``labels``, tried one by one."""
    best = -np.inf
    for path in np.ndindex(*(log_probs.shape[1],) * len(log_probs)):
        if [token for token, _ in groupby(path) if token != BLANK] == list(labels):
            best = max(best, float(sum(log_probs[t, token] for t, token in enumerate(path))))
    return best


def by_numpy(log_probs: Float32, labels: NDArray[np.int32]) -> float:
    """The same by dynamic programming over whole rows, written as in the paper."""
    tokens = np.full(2 * len(labels) + 1, BLANK)
    tokens[1::2] = labels
    leap = np.zeros(len(tokens), bool)
    leap[2:] = (tokens[2:] != BLANK) & (tokens[2:] != tokens[:-2])
    best = np.full(len(tokens), -np.inf)
    best[:2] = log_probs[0, tokens[:2]]
    for row in log_probs[1:].astype(np.float64):
        step = np.r_[-np.inf, best[:-1]]
        over = np.where(leap, np.r_[-np.inf, -np.inf, best[:-2]][: len(best)], -np.inf)
        best = np.maximum(np.maximum(best, step), over) + row[tokens]
    return float(best[-2:].max())


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(1, 6),
    labels=st.lists(st.integers(1, 2), max_size=4),
    seed=st.integers(0, 10_000),
)
def test_no_other_path_is_more_probable(frames: int, labels: list[int], seed: int) -> None:
    log_probs, wanted = noise(frames, 3, seed), as_labels(*labels)
    if min_frames(wanted) > frames:
        with pytest.raises(InputError):
            viterbi_path(log_probs, wanted, BLANK)
        return

    found = viterbi_path(log_probs, wanted, BLANK)

    assert found.log_prob == pytest.approx(by_every_path(log_probs, wanted), abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(
    frames=st.integers(1, 120),
    labels=st.lists(st.integers(1, 7), max_size=60),
    seed=st.integers(0, 10_000),
    block_bytes=st.integers(1, 2000),
)
def test_path_spells_the_labels_and_has_the_best_score_in_blocks_of_any_size(
    frames: int, labels: list[int], seed: int, block_bytes: int
) -> None:
    log_probs, wanted = noise(frames, 8, seed), as_labels(*labels)
    if min_frames(wanted) > frames:
        return

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viterbi, "BLOCK_BYTES", block_bytes)
        found = viterbi_path(log_probs, wanted, BLANK)

    tokens = [int(wanted[state // 2]) if state % 2 else BLANK for state in found.states]
    assert spoken(found.states, wanted) == labels
    assert found.log_prob == pytest.approx(log_probs[np.arange(frames), tokens].sum(), abs=1e-3)
    assert found.log_prob == pytest.approx(by_numpy(log_probs, wanted), abs=1e-4)


def test_labels_that_just_fit_have_one_path() -> None:
    wanted = as_labels(1, 1, 2)

    found = viterbi_path(noise(4, 3, 0), wanted, BLANK)

    assert found.states.tolist() == [1, 2, 3, 5]


def test_no_labels_are_blanks() -> None:
    assert viterbi_path(noise(3, 3, 0), as_labels(), BLANK).states.tolist() == [0, 0, 0]
    assert viterbi_path(noise(0, 3, 0), as_labels(), BLANK).log_prob == 0.0


def test_impossible_tokens_still_give_a_path() -> None:
    never = np.full((5, 3), -np.inf, dtype=np.float32)

    found = viterbi_path(never, as_labels(1, 2), BLANK)

    assert spoken(found.states, as_labels(1, 2)) == [1, 2]


def test_star_matches_the_sounds_between_its_neighbours_without_the_pauses() -> None:
    said = [0, 1, 0, 0, 3, 0, 4, 3, 0, 0, 2, 0]
    log_probs = np.log(np.full((12, 5), 0.01, dtype=np.float32))
    log_probs[np.arange(12), said] = np.log(np.float32(0.96))

    found = viterbi_path(log_probs, as_labels(1, STAR, 2), BLANK)

    assert np.flatnonzero(found.states == 3).tolist() == [4, 5, 6, 7]


def test_too_many_labels_are_an_error_with_a_hint() -> None:
    with pytest.raises(InputError) as caught:
        viterbi_path(noise(5, 3, 0), as_labels(1, 1, 1, 1), BLANK)

    assert caught.value.code == "align.text_too_long"
    assert caught.value.hint


def test_too_large_a_trellis_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viterbi, "MAX_CELLS", 40)

    with pytest.raises(InputError) as caught:
        viterbi_path(noise(10, 3, 0), as_labels(1, 2), BLANK)

    assert caught.value.code == "align.too_long"
    assert caught.value.hint


@pytest.mark.parametrize("refusal", [RuntimeError("no locator"), OSError(28, "No space left")])
def test_kernels_compile_where_no_folder_can_be_written(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def njit(signature: str, *, nogil: bool, cache: bool = False) -> Any:
        if cache:
            raise refusal
        return compile_now(signature, nogil=nogil)

    compile_now = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    trace = viterbi.compiled(viterbi._trace, "i8(u1[:,::1], i8, i4[::1])")
    states = np.empty(2, np.int32)

    assert trace(np.array([[0, 0], [0, 4]], np.uint8), 2, states) == 1
    assert states.tolist() == [1, 2]

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.doubles import VOCABULARY
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.seams import MAX_SEAM_SHIFT_FRAMES, SEAM_CONTEXT_FRAMES, join, place_seams
from wav2vec2_app.speech.windows import FrameGrid, Window, plan_windows
from wav2vec2_app.worker.model.ctc import words_of_path

GRID = FrameGrid()
Tokens = NDArray[np.int64]


def emission_of(tokens: Tokens, energy_db: Float32 | None = None) -> Emission:
    """Surest of these tokens, frame by frame."""
    probabilities = np.full((len(tokens), len(VOCABULARY)), 1e-3, np.float32)
    probabilities[np.arange(len(tokens)), tokens] = 0.9
    return Emission(
        log_probs=np.log(probabilities),
        vocabulary=VOCABULARY,
        blank_id=0,
        word_delimiter="|",
        frame_s=0.02,
        energy_db=energy_db,
    )


def window_emission(window: Window, tokens: Tokens, energy_db: Float32 | None = None) -> Emission:
    """The emission of one window of a recording whose tokens are given by frame."""
    first = window.start // GRID.hop
    frames = slice(first, first + GRID.frames(window.stop - window.start))
    return emission_of(tokens[frames], None if energy_db is None else energy_db[frames])


def spoken(frames: int, seed: int = 0) -> Tokens:
    return np.random.default_rng(seed).integers(0, len(VOCABULARY), frames)


def two_windows(frames: int = 900) -> list[Window]:
    """Of 500 frames each, with frames 400 to 500 in common."""
    return plan_windows(GRID.samples(frames), GRID, window_frames=500, overlap_frames=100)


def seams(windows: list[Window]) -> list[int]:
    return [window.start // GRID.hop + window.keep_to for window in windows[:-1]]


@given(
    frames=st.integers(min_value=30, max_value=3000),
    window=st.integers(min_value=10, max_value=600),
    share=st.floats(min_value=0.05, max_value=0.9),
    seed=st.integers(min_value=0, max_value=9),
)
def test_every_frame_is_used_exactly_once(
    frames: int, window: int, share: float, seed: int
) -> None:
    overlap = max(1, int(window * share))
    windows = plan_windows(GRID.samples(frames), GRID, window_frames=window, overlap_frames=overlap)
    ears = [window_emission(one, spoken(frames, seed + n)) for n, one in enumerate(windows)]

    settled = place_seams(windows, ears)

    kept = [
        frame
        for w in settled
        for frame in range(w.start // GRID.hop + w.keep_from, w.start // GRID.hop + w.keep_to)
    ]
    assert kept == list(range(frames))
    for w in settled:
        assert 0 <= w.keep_from < w.keep_to <= GRID.frames(w.stop - w.start)


def test_seam_stays_in_the_middle_where_neighbours_agree_everywhere_or_nowhere() -> None:
    windows, tokens = two_windows(), spoken(900)

    assert place_seams(windows, [window_emission(one, tokens) for one in windows]) == windows

    others = (tokens + 1) % len(VOCABULARY)
    assert (
        place_seams(
            windows, [window_emission(windows[0], tokens), window_emission(windows[1], others)]
        )
        == windows
    )


def test_seam_moves_to_where_neighbours_agree() -> None:
    windows, tokens = two_windows(), spoken(900)
    others = (tokens + 1) % len(VOCABULARY)
    others[425 : 425 + 2 * SEAM_CONTEXT_FRAMES] = tokens[425 : 425 + 2 * SEAM_CONTEXT_FRAMES]

    settled = place_seams(
        windows, [window_emission(windows[0], tokens), window_emission(windows[1], others)]
    )

    assert seams(windows) == [450]
    assert seams(settled) == [425 + SEAM_CONTEXT_FRAMES]


def test_seam_moves_no_further_than_allowed() -> None:
    windows, tokens = two_windows(), spoken(900)
    others = (tokens + 1) % len(VOCABULARY)
    others[: 450 - MAX_SEAM_SHIFT_FRAMES] = tokens[: 450 - MAX_SEAM_SHIFT_FRAMES]

    settled = place_seams(
        windows, [window_emission(windows[0], tokens), window_emission(windows[1], others)]
    )

    assert seams(settled) == [450 - MAX_SEAM_SHIFT_FRAMES]


def test_delimiter_is_not_lost_if_it_is_early_in_one_window_and_late_in_the_other() -> None:
    """In one long pause: a cut in the very middle would have neither."""
    windows, space = two_windows(), VOCABULARY.index("|")
    left, right = np.zeros(900, np.int64), np.zeros(900, np.int64)
    for ear in (left, right):
        ear[380:430:3], ear[470:520:3] = 5, 6
    left[455], right[445] = space, space

    whole = join(windows, [window_emission(windows[0], left), window_emission(windows[1], right)])

    assert space in whole.log_probs[430:470].argmax(axis=1)


def test_joined_windows_are_the_emission_of_the_recording() -> None:
    tokens, level = spoken(2000, 4), np.linspace(-60, -10, 2000, dtype=np.float32)
    windows = plan_windows(GRID.samples(2000), GRID, window_frames=500, overlap_frames=100)
    whole = emission_of(tokens, level)

    joined = join(windows, [window_emission(one, tokens, level) for one in windows])

    np.testing.assert_array_equal(joined.log_probs, whole.log_probs)
    np.testing.assert_array_equal(joined.energy_db, whole.energy_db)

    without = [replace(window_emission(one, tokens, level), energy_db=None) for one in windows]
    assert join(windows, without).energy_db is None


def pause_of(frames: int, **delimiters: int) -> dict[str, Tokens]:
    """Tokens of a left and a right window that share a pause, with a delimiter at the frames that are given.

    The left window has the word before the pause, the right one the word after it.
    """
    letter = VOCABULARY.index("A")
    tokens = {side: np.zeros(500, np.int64) for side in ("left", "right")}
    tokens["left"][390 : 500 - frames] = letter
    tokens["right"][frames:110] = letter
    for side, frame in delimiters.items():
        tokens[side][frame] = VOCABULARY.index("|")
    return tokens


def words_of(emission: Emission) -> int:
    path = emission.log_probs.argmax(axis=1)
    return len(words_of_path(emission, path))


@pytest.mark.parametrize("delimiters", [{}, {"left": 495}, {"right": 2}])
def test_pause_at_a_seam_has_its_delimiter(delimiters: dict[str, int]) -> None:
    tokens = pause_of(80, **delimiters)

    joined = join(two_windows(), [emission_of(tokens["left"]), emission_of(tokens["right"])])

    assert words_of(joined) == 2
    np.testing.assert_allclose(np.exp(joined.log_probs).sum(axis=1), 0.9 + 31e-3, rtol=1e-4)


def test_word_with_a_seam_inside_stays_one_word() -> None:
    letter = VOCABULARY.index("A")
    tokens = np.zeros(900, np.int64)
    tokens[380:520:3] = letter  # single frames of letters, blanks between them
    windows = two_windows()

    joined = join(windows, [window_emission(one, tokens) for one in windows])

    assert words_of(joined) == 1
    assert joined.log_probs.argmax(axis=1).tolist() == tokens.tolist()


def test_silent_window_between_two_words_separates_them() -> None:
    windows = plan_windows(GRID.samples(1300), GRID, window_frames=500, overlap_frames=100)
    tokens = np.zeros(1300, np.int64)
    tokens[300:310] = tokens[1000:1010] = VOCABULARY.index("A")

    joined = join(windows, [window_emission(one, tokens) for one in windows])

    assert len(windows) == 3
    assert words_of(joined) == 2


def test_vocabulary_without_a_delimiter_is_joined_unchanged() -> None:
    tokens = pause_of(80)
    emissions = [
        replace(emission_of(one), word_delimiter="") for one in (tokens["left"], tokens["right"])
    ]

    joined = join(two_windows(), emissions)

    assert VOCABULARY.index("|") not in joined.log_probs.argmax(axis=1)

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import VOCABULARY
from wav2vec2_app.types import Emission, Float32
from wav2vec2_app.windows import (
    BLOCK,
    CONTEXT,
    FrameGrid,
    Level,
    Window,
    at_pauses,
    join,
    plan_windows,
    windows_of,
)

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)


def test_grid_of_wav2vec2_convolutions_is_20_ms_with_a_25_ms_field() -> None:
    assert FrameGrid.of_convolutions(KERNELS, STRIDES) == FrameGrid(hop=320, receptive_field=400)


@given(st.integers(min_value=400, max_value=200_000))
def test_grid_counts_frames_as_the_convolutions_do(samples: int) -> None:
    length = samples
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        length = (length - kernel) // stride + 1

    assert FrameGrid().frames(samples) == length


def test_audio_shorter_than_one_field_has_no_frame() -> None:
    assert FrameGrid().frames(399) == 0
    assert FrameGrid().frames(400) == 1


@given(
    samples=st.integers(min_value=400, max_value=5_000_000),
    window=st.integers(min_value=10, max_value=1000),
    share=st.floats(min_value=0.05, max_value=0.9),
)
def test_kept_frames_of_all_windows_are_each_frame_exactly_once(
    samples: int, window: int, share: float
) -> None:
    grid = FrameGrid()
    overlap = max(1, int(window * share))

    windows = plan_windows(samples, grid, window_frames=window, overlap_frames=overlap)

    kept = [
        frame
        for w in windows
        for frame in range(w.start // grid.hop + w.keep_from, w.start // grid.hop + w.keep_to)
    ]
    assert kept == list(range(grid.frames(samples)))
    assert all(w.start % grid.hop == 0 for w in windows)
    assert all(0 <= w.keep_from < w.keep_to <= grid.frames(w.stop - w.start) for w in windows)
    assert windows[-1].stop == samples


def test_frames_at_a_seam_have_half_the_overlap_as_context() -> None:
    grid = FrameGrid()
    windows = plan_windows(grid.samples(950), grid, window_frames=400, overlap_frames=100)

    assert len(windows) > 2
    for left, right in pairwise(windows):
        assert 400 - left.keep_to >= 50
        assert right.keep_from >= 50


def heard(window: Window, blank: Float32, energy_db: Float32 | None = None) -> Emission:
    """What a window hears: the blank with these probabilities, by frame of the whole, else a letter."""
    first = window.start // 320
    frames = slice(first, first + FrameGrid().frames(window.stop - window.start))
    probabilities = np.full((len(blank[frames]), len(VOCABULARY)), 1e-6, np.float32)
    probabilities[:, 0] = np.clip(blank[frames], 1e-6, 1)
    probabilities[:, 5] = np.clip(1 - blank[frames], 1e-6, 1)
    return Emission(
        log_probs=np.log(probabilities),
        vocabulary=VOCABULARY,
        blank_id=0,
        word_delimiter="|",
        frame_s=0.02,
        energy_db=None if energy_db is None else energy_db[frames],
    )


def seams(windows: list[Window]) -> list[int]:
    return [window.start // 320 + window.keep_to for window in windows[:-1]]


@given(
    frames=st.integers(min_value=30, max_value=3000),
    window=st.integers(min_value=10, max_value=600),
    share=st.floats(min_value=0.05, max_value=0.9),
    seed=st.integers(min_value=0, max_value=9),
)
def test_wherever_the_seams_go_every_frame_is_kept_exactly_once(
    frames: int, window: int, share: float, seed: int
) -> None:
    grid = FrameGrid()
    blank = np.random.default_rng(seed).random(frames).astype(np.float32)
    overlap = max(1, int(window * share))
    windows = plan_windows(grid.samples(frames), grid, window_frames=window, overlap_frames=overlap)

    settled = at_pauses(windows, [heard(one, blank) for one in windows])

    kept = [
        frame
        for w in settled
        for frame in range(w.start // grid.hop + w.keep_from, w.start // grid.hop + w.keep_to)
    ]
    assert kept == list(range(frames))
    for w in settled:
        assert 0 <= w.keep_from < w.keep_to <= grid.frames(w.stop - w.start)


def test_seam_lies_in_a_pause_that_both_windows_hear() -> None:
    grid = FrameGrid()
    blank = np.zeros(900, np.float32)
    blank[460:468] = 1.0  # shorter
    windows = plan_windows(grid.samples(900), grid, window_frames=500, overlap_frames=100)
    assert seams(windows) == [450]
    blank[420:440] = 1.0

    settled = at_pauses(windows, [heard(one, blank) for one in windows])

    assert 420 <= seams(settled)[0] < 440


def test_of_two_pauses_the_quieter_one_is_taken() -> None:
    grid = FrameGrid()
    blank = np.zeros(900, np.float32)
    blank[415:435] = blank[465:485] = 1.0
    energy_db = np.full(900, -20, np.float32)
    energy_db[465:485] = -60
    windows = plan_windows(grid.samples(900), grid, window_frames=500, overlap_frames=100)

    settled = at_pauses(windows, [heard(one, blank, energy_db) for one in windows])

    assert 465 <= seams(settled)[0] < 485


def test_seam_stays_where_no_pause_is_shared_and_keeps_its_context() -> None:
    grid = FrameGrid()
    blank = np.zeros(900, np.float32)
    windows = plan_windows(grid.samples(900), grid, window_frames=500, overlap_frames=100)
    assert at_pauses(windows, [heard(one, blank) for one in windows]) == windows

    blank[400 : 400 + CONTEXT] = 1.0  # the second one begins there: it lacks what is before
    settled = at_pauses(windows, [heard(one, blank) for one in windows])

    assert 400 + CONTEXT <= seams(settled)[0] <= 500 - CONTEXT


def test_joined_windows_are_the_whole() -> None:
    grid = FrameGrid()
    blank = np.random.default_rng(4).random(2000).astype(np.float32)
    level = np.linspace(-60, -10, 2000, dtype=np.float32)
    windows = plan_windows(grid.samples(2000), grid, window_frames=500, overlap_frames=100)
    whole = heard(Window(0, grid.samples(2000), 0, 2000), blank, level)

    joined = join(windows, [heard(one, blank, level) for one in windows])

    np.testing.assert_array_equal(joined.log_probs, whole.log_probs)
    np.testing.assert_array_equal(joined.energy_db, whole.energy_db)


def test_overlap_as_long_as_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        plan_windows(10_000, FrameGrid(), window_frames=10, overlap_frames=10)


@pytest.mark.parametrize(("seconds", "count"), [(19.9, 1), (20.0, 1), (20.5, 3), (60.0, 8)])
def test_recording_up_to_two_windows_is_taken_in_one(seconds: float, count: int) -> None:
    samples = round(seconds * 16_000)

    assert len(windows_of(samples, FrameGrid(), window_s=10.0, overlap_s=2.0)) == count


def test_level_is_that_of_the_whole_however_long() -> None:
    generator = np.random.default_rng(2)
    samples = generator.normal(0.3, 0.1, BLOCK + 1000).astype(np.float32)

    level = Level.of(samples)
    normalized = level.normalize(samples)

    assert level.mean == pytest.approx(samples.mean(dtype=np.float64))
    assert normalized.dtype == np.float32
    assert normalized.mean(dtype=np.float64) == pytest.approx(0.0, abs=1e-6)
    assert normalized.std(dtype=np.float64) == pytest.approx(1.0, abs=1e-4)


def test_level_of_nothing_is_finite() -> None:
    assert np.isfinite(Level.of(np.zeros(0, np.float32)).deviation)

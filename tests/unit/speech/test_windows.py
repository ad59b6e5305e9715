from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.speech.windows import (
    STATISTICS_BLOCK,
    FrameGrid,
    SampleStatistics,
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


def test_overlap_as_long_as_the_window_is_rejected() -> None:
    with pytest.raises(ValueError, match="shorter"):
        plan_windows(10_000, FrameGrid(), window_frames=10, overlap_frames=10)


@pytest.mark.parametrize(("seconds", "count"), [(19.9, 1), (20.0, 1), (20.5, 3), (60.0, 8)])
def test_recording_of_up_to_two_windows_is_not_divided(seconds: float, count: int) -> None:
    samples = round(seconds * 16_000)

    assert len(windows_of(samples, FrameGrid(), window_s=10.0, overlap_s=2.0)) == count


@pytest.mark.parametrize(("seconds", "count"), [(15.0, 1), (15.3, 2), (19.9, 3)])
def test_recording_longer_than_one_forward_pass_may_be_is_divided(
    seconds: float, count: int
) -> None:
    grid = FrameGrid.of_convolutions(KERNELS, STRIDES, position_taps=1516)

    windows = windows_of(round(seconds * 16_000), grid, window_s=10.0, overlap_s=2.0)

    assert len(windows) == count


@pytest.mark.parametrize("window_s", [5.0, 15.0, 60.0])
def test_no_window_is_longer_than_one_forward_pass_may_be(window_s: float) -> None:
    grid = FrameGrid.of_convolutions(KERNELS, STRIDES, position_taps=1516)

    windows = windows_of(16_000 * 100, grid, window_s=window_s, overlap_s=window_s / 2)

    assert max(grid.frames(one.stop - one.start) for one in windows) <= 758


def test_relative_positions_do_not_limit_a_window() -> None:
    assert FrameGrid.of_convolutions(KERNELS, STRIDES, position_taps=128).longest == 0


def test_level_of_a_long_recording_is_measured_over_all_of_it() -> None:
    generator = np.random.default_rng(2)
    samples = generator.normal(0.3, 0.1, STATISTICS_BLOCK + 1000).astype(np.float32)

    level = SampleStatistics.of(samples)
    normalized = level.normalize(samples)

    assert level.mean == pytest.approx(samples.mean(dtype=np.float64))
    assert normalized.dtype == np.float32
    assert normalized.mean(dtype=np.float64) == pytest.approx(0.0, abs=1e-6)
    assert normalized.std(dtype=np.float64) == pytest.approx(1.0, abs=1e-4)


def test_level_of_nothing_is_finite() -> None:
    assert np.isfinite(SampleStatistics.of(np.zeros(0, np.float32)).deviation)

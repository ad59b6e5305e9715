import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.server.live.buffer import MIN_DBFS, AudioBuffer


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=40))
def test_buffer_returns_what_was_appended_and_never_exceeds_its_capacity(
    steps: list[tuple[int, int]],
) -> None:
    buffer, everything = AudioBuffer(50), np.zeros(0, dtype=np.float32)
    for add, drop in steps:
        block = np.arange(add, dtype=np.float32)[: buffer.room] + len(everything)
        buffer.append(block)
        everything = np.concatenate([everything, block])
        buffer.drop_until(buffer.start + drop)

        assert len(buffer) <= 50
        assert buffer.end == len(everything)
        np.testing.assert_array_equal(
            buffer.between(buffer.start, buffer.end), everything[buffer.start : buffer.end]
        )


def test_nothing_is_dropped_to_make_room() -> None:
    buffer = AudioBuffer(10)
    buffer.append(np.zeros(8, dtype=np.float32))

    with pytest.raises(ValueError, match="room for 2"):
        buffer.append(np.zeros(3, dtype=np.float32))
    assert len(buffer) == 8


def test_level_is_that_of_the_loudest_block_without_its_offset() -> None:
    buffer = AudioBuffer(32_000)
    assert buffer.loudest_dbfs() == MIN_DBFS
    buffer.append(np.full(16_000, 0.3, dtype=np.float32))
    assert buffer.loudest_dbfs() == pytest.approx(MIN_DBFS)
    buffer.append((0.1 * np.sign(np.sin(np.arange(3200)))).astype(np.float32))
    assert buffer.loudest_dbfs() == pytest.approx(-20, abs=0.5)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.server.live.tape import SILENT_DBFS, Tape


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=40))
def test_tape_gives_back_what_was_put_in_and_never_outgrows_its_capacity(
    steps: list[tuple[int, int]],
) -> None:
    tape, everything = Tape(50), np.zeros(0, dtype=np.float32)
    for add, drop in steps:
        block = np.arange(add, dtype=np.float32)[: tape.room] + len(everything)
        tape.append(block)
        everything = np.concatenate([everything, block])
        tape.drop_until(tape.start + drop)

        assert len(tape) <= 50
        assert tape.end == len(everything)
        np.testing.assert_array_equal(
            tape.between(tape.start, tape.end), everything[tape.start : tape.end]
        )


def test_nothing_is_dropped_to_make_room() -> None:
    tape = Tape(10)
    tape.append(np.zeros(8, dtype=np.float32))

    with pytest.raises(ValueError, match="room for 2"):
        tape.append(np.zeros(3, dtype=np.float32))
    assert len(tape) == 8


def test_level_is_that_of_the_loudest_block_without_its_offset() -> None:
    tape = Tape(32_000)
    assert tape.loudest_dbfs() == SILENT_DBFS
    tape.append(np.full(16_000, 0.3, dtype=np.float32))
    assert tape.loudest_dbfs() == pytest.approx(SILENT_DBFS)
    tape.append((0.1 * np.sign(np.sin(np.arange(3200)))).astype(np.float32))
    assert tape.loudest_dbfs() == pytest.approx(-20, abs=0.5)

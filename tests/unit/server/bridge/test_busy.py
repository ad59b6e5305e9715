"""How long a worker has been busy."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.doubles import FakeClock
from wav2vec2_app.server.bridge.busy import BusyMeter


def test_busy_time_is_that_with_at_least_one_request() -> None:
    clock = FakeClock()
    busy = BusyMeter(clock)
    clock.advance(5)
    assert busy.total_s == 0

    with busy.running():
        clock.advance(1)
        with busy.running():
            assert busy.in_flight == 2
            clock.advance(2)
        clock.advance(4)
        assert busy.total_s == 7
    clock.advance(100)

    assert (busy.total_s, busy.in_flight) == (7, 0)


def test_failed_request_ends_the_busy_time() -> None:
    clock = FakeClock()
    busy = BusyMeter(clock)

    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ValueError, match="x"))
        with busy.running():
            clock.advance(3)
            raise ValueError("x")
    clock.advance(3)

    assert (busy.total_s, busy.in_flight) == (3, 0)

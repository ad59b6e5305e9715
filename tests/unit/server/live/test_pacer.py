import pytest

from wav2vec2_app.server.live.pacer import Pacer


def test_quick_passes_run_at_the_configured_interval() -> None:
    pacer = Pacer(0.3)
    pacer.succeeded(10.0, 10.1)

    assert pacer.wait_s(10.1) == pytest.approx(0.2)
    assert pacer.wait_s(10.3) == 0
    assert not pacer.behind


def test_slow_passes_are_less_frequent_and_leave_time_for_other_requests() -> None:
    pacer = Pacer(0.3)
    for number in range(10):
        pacer.succeeded(10.0 + number, 10.9 + number)

    assert pacer.interval_s == pytest.approx(1.5)
    assert pacer.behind

    for number in range(10):
        pacer.succeeded(20.0 + number, 20.1 + number)
    assert pacer.interval_s == pytest.approx(0.3, abs=0.01)
    assert not pacer.behind


def test_consecutive_failures_are_followed_by_longer_delays() -> None:
    pacer = Pacer(0.3)
    delays = []
    for _ in range(6):
        pacer.failed(5.0)
        delays.append(pacer.wait_s(5.0))

    assert delays == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]

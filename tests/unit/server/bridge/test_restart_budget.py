from __future__ import annotations

from wav2vec2_app.server.bridge.policy import RestartPolicy
from wav2vec2_app.server.bridge.restarts import RestartBudget


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_backoff_doubles_with_each_restart_up_to_five_seconds() -> None:
    budget = RestartBudget(RestartPolicy(10, 60.0, 0.5), Clock())
    waits = []
    for _ in range(6):
        waits.append(budget.backoff_s())
        assert budget.spend()
    assert waits == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_restarts_are_available_again_when_the_window_has_passed() -> None:
    clock = Clock()
    budget = RestartBudget(RestartPolicy(2, 60.0, 0.5), clock)
    assert budget.spend()
    clock.now_s = 30.0
    assert budget.spend()
    assert not budget.spend()
    clock.now_s = 59.9
    assert not budget.spend()
    clock.now_s = 60.0
    assert budget.backoff_s() == 1.0
    assert budget.spend()
    assert not budget.spend()


def test_spent_budget_says_when_it_has_a_restart_again() -> None:
    clock = Clock()
    budget = RestartBudget(RestartPolicy(2, 60.0, 0.1), clock)
    assert budget.wait_s() == 0
    budget.spend()
    clock.now_s += 10
    budget.spend()
    clock.now_s += 5
    assert budget.wait_s() == 45
    clock.now_s += 45
    assert budget.wait_s() == 0
    assert RestartBudget(RestartPolicy(0, 60.0, 0.1), clock).wait_s() is None


def test_budget_of_zero_allows_no_restart() -> None:
    assert not RestartBudget(RestartPolicy(0, 60.0, 0.5), Clock()).spend()

"""The recent past that the status view shows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import FakeClock, make_audio, make_memory, make_task
from wav2vec2_app.errors import InternalError, WorkerDiedError
from wav2vec2_app.server.events import BreakerEvent, Done, Failed, WorkerEvent
from wav2vec2_app.server.monitoring.history import (
    HISTORY_S,
    MAX_INCIDENTS,
    MAX_STAGES,
    MAX_TASKS,
    MEMORY_STEP_S,
    History,
    percentile,
)
from wav2vec2_app.server.results import AudioResult, Stage

AUDIO, TASK = make_audio(), make_task()


def done(*stages: Stage) -> Done:
    return Done(TASK, 1.0, AudioResult("r", AUDIO, stages))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def history(clock: FakeClock) -> History:
    return History(clock)


def test_finished_tasks_leave_after_fifteen_minutes(history: History, clock: FakeClock) -> None:
    history(done())
    clock.advance(HISTORY_S - 1)
    history(Failed(make_task(), 1.0, InternalError("x")))

    assert [task.done for task in history.finished()] == [True, False]
    clock.advance(2)
    assert [task.done for task in history.finished()] == [False]


def test_stages_have_percentiles_and_the_slowest_comes_first(history: History) -> None:
    for number in range(1, 101):
        history(done(Stage("fast", 0.0, number / 1000), Stage("slow", 0.0, number / 10)))

    slow, fast = history.stages()
    assert (slow.stage, fast.stage, slow.count) == ("slow", "fast", 100)
    assert (slow.p50_s, slow.p95_s, slow.p99_s) == (5.0, 9.5, 9.9)


def test_times_of_stages_leave_after_fifteen_minutes(history: History, clock: FakeClock) -> None:
    history(done(Stage("old", 0.0, 1.0)))
    clock.advance(HISTORY_S + 1)

    assert history.stages() == []


def test_incidents_are_the_newest_first(history: History) -> None:
    history(WorkerEvent("audio", "died", 7, WorkerDiedError("The audio worker was killed.")))
    history(WorkerEvent("audio", "ready", 8, took_s=1.0))
    history(BreakerEvent("gama.describe", "closed", "open"))

    assert [(one.subject, one.what) for one in history.incidents()] == [
        ("gama.describe", "closed → open"),
        ("audio", "The audio worker was killed."),
    ]


def test_memory_is_noted_at_most_every_two_seconds(history: History, clock: FakeClock) -> None:
    for _ in range(4):
        history.note_memory(make_memory())
        clock.advance(MEMORY_STEP_S / 2)

    assert len(history.memory()) == 2
    assert history.memory()[0].bytes_of.keys() == {"server", "audio", "inference"}


def test_history_is_bounded(history: History, clock: FakeClock) -> None:
    for number in range(MAX_TASKS + 10):
        history(done(Stage(f"stage {number}", 0.0, 1.0)))
    for _ in range(1000):
        history.note_memory(make_memory())
        clock.advance(MEMORY_STEP_S / 4)
        history(BreakerEvent("x", "open", "closed"))

    assert len(history.finished()) <= MAX_TASKS
    assert len(history.stages()) <= MAX_STAGES
    assert len(history.incidents()) == MAX_INCIDENTS
    assert len(history.memory()) <= HISTORY_S / MEMORY_STEP_S


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentile_is_the_smallest_value_with_enough_values_up_to_it(
    values: list[float], share: float
) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)

    assert found in ordered
    assert sum(value <= found for value in ordered) >= math.ceil(share * len(ordered))
    assert sum(value < found for value in ordered) < math.ceil(share * len(ordered))

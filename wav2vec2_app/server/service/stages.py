"""Stages of a step on the caller's time axis, made from what workers report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.protocol.message import WorkerStage
from wav2vec2_app.server.results import WAITING, Stage

NOTICEABLE_S = 0.02
"""Shorter waits are the overhead of the pipe and are not shown, seconds."""


def on_caller_axis(
    stages: Sequence[WorkerStage], process: str, elapsed_s: float
) -> tuple[Stage, ...]:
    """The stages of a response that came ``elapsed_s`` after the request was made.

    A worker counts from when it began, and it ended when the response came. What was before, if it is
    noticeable, was a wait for a worker that was busy or starting.
    """
    busy_s = max((stage.start_s + stage.duration_s for stage in stages), default=0.0)
    offset_s = max(0.0, elapsed_s - busy_s)
    waiting = Stage(WAITING, 0.0, offset_s, process)
    return (waiting,) * (offset_s > NOTICEABLE_S) + tuple(
        Stage(stage.name, offset_s + stage.start_s, stage.duration_s, process) for stage in stages
    )


def yielded(duration_s: float, before: Sequence[Stage]) -> Stage:
    """The wait of a long recording, before ``before``, for short ones that had priority."""
    return Stage(WAITING, 0.0, duration_s, before[0].process if before else "")


def after(first: Sequence[Stage], second: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages of two steps, of which the second began when the first had ended."""
    end_s = max((stage.start_s + stage.duration_s for stage in first), default=0.0)
    return (*first, *(replace(stage, start_s=stage.start_s + end_s) for stage in second))


def summed(parts: Sequence[Sequence[Stage]]) -> tuple[Stage, ...]:
    """The stages of requests one after the other, as one stage of each name; waiting comes first."""
    stages = [stage for part in parts for stage in part]
    durations_s: dict[str, float] = {WAITING: 0.0}
    processes: dict[str, str] = {}
    for stage in stages:
        durations_s[stage.name] = durations_s.get(stage.name, 0.0) + stage.duration_s
        processes.setdefault(stage.name, stage.process)
    joined: list[Stage] = []
    start_s = 0.0
    for name, duration_s in durations_s.items():
        if duration_s > 0:
            joined.append(Stage(name, start_s, duration_s, processes[name]))
        start_s += duration_s
    return tuple(joined)

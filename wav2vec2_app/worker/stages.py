"""Durations of an operation's steps, as its response reports them."""

from __future__ import annotations

from collections.abc import Mapping

from wav2vec2_app.protocol.message import WorkerStage


def sequence(durations_s: Mapping[str, float]) -> tuple[WorkerStage, ...]:
    """Steps one after the other, by name and duration; those that took no time are left out."""
    stages = []
    start_s = 0.0
    for name, duration_s in durations_s.items():
        if duration_s > 0:
            stages.append(WorkerStage(name, start_s, duration_s))
        start_s += duration_s
    return tuple(stages)

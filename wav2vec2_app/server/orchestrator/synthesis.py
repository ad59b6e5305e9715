"""Joining what a task's operations answered into the one result, on one time axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wav2vec2_app.server.tasks import (
    WAITING,
    AudioResult,
    AudioTask,
    Operation,
    Problem,
    Stage,
    TaskResult,
)


@dataclass(frozen=True)
class Piece:
    """What one operation answered; ``began_s`` is when, counted from the task's submission."""

    began_s: float
    result: TaskResult

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The operation's stages, counted from the task's submission."""
        return tuple(
            replace(stage, start_s=stage.start_s + self.began_s) for stage in self.result.stages
        )


Pieces = Mapping[Operation, Piece]


def timeline(pieces: Pieces, queue: Stage) -> tuple[Stage, ...]:
    """The stages so far in order of their start, the waiting among them."""
    stages = [queue, *(stage for piece in pieces.values() for stage in piece.stages)]
    return tuple(sorted(stages, key=lambda stage: stage.start_s))


class ResultSynthesizer:
    """The last step of every task's graph."""

    def synthesize(
        self,
        task: AudioTask,
        pieces: Pieces,
        *,
        queue: Stage,
        total_s: float,
        problems: tuple[Problem, ...] = (),
    ) -> AudioResult:
        """Join ``pieces``; the one of DECODE must be among them."""
        audio = pieces[Operation.DECODE_AUDIO].result.value
        stages = timeline(pieces, queue)
        waited_s = max((s.duration_s for s in stages if s.name == WAITING), default=0.0)
        return AudioResult(
            id=task.id,
            audio=audio,
            stages=(*stages, Stage("total", 0.0, total_s)),
            recognition=_value(pieces, Operation.DECODE_TEXT)
            or _value(pieces, Operation.TRANSCRIBE),
            alignment=_value(pieces, Operation.ALIGN),
            features=_value(pieces, Operation.ANALYZE),
            pictures=_value(pieces, Operation.DRAW) or (),
            real_time_factor=_per_second(total_s - queue.duration_s - waited_s, audio.duration_s),
            problems=problems,
        )


def _value(pieces: Pieces, operation: Operation) -> Any:
    piece = pieces.get(operation)
    return piece.result.value if piece else None


def _per_second(seconds: float, audio_s: float) -> float:
    return seconds / audio_s if audio_s > 0 else 0.0

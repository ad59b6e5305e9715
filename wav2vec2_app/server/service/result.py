"""The result of a step, with what its time was spent on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from wav2vec2_app.server.results import Stage

T = TypeVar("T")


@dataclass(frozen=True)
class StepResult(Generic[T]):
    """A value and the stages of its making, which start from when the service was called."""

    value: T
    stages: tuple[Stage, ...] = ()

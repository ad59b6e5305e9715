"""A value with what it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from wav2vec2_app.server.tasks import Stage

T = TypeVar("T")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """A value and the stages it took; stages start from the moment the service was called."""

    value: T
    stages: tuple[Stage, ...]

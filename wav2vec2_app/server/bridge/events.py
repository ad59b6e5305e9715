"""What happens to worker processes, for metrics and logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from wav2vec2_app.errors import WorkerDiedError

WorkerEventKind = Literal["starting", "ready", "died", "restarting", "down", "stopped", "retried"]
"""``retried``: a request that was lost with a worker is sent again."""


@dataclass(frozen=True)
class WorkerEvent:
    """One change of a worker process."""

    role: str
    kind: WorkerEventKind
    pid: int | None = None
    error: WorkerDiedError | None = None

    @property
    def reason(self) -> str:
        """Why a worker died or a request is sent again; empty for other events."""
        return self.error.message if self.error is not None else ""


WorkerEventSink = Callable[[WorkerEvent], None]
"""Called on the event loop with every event; must be quick."""


def ignore_event(_: WorkerEvent) -> None:
    """A sink for callers that do not follow events."""

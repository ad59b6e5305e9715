"""The error tree: every failure a person or a client can meet, with a code and a hint.

::

    Wav2Vec2Error
    ├── InputError        validation  the caller's audio, text or option cannot be used
    ├── ModelError        context     the model that was asked for cannot be had
    ├── BusyError         resource    admission refused; carries retry_after_s
    ├── ResourceError     resource    memory, disk or a device ran out
    ├── CancelledError    execution   somebody asked for the work to stop
    ├── TimedOutError     execution   a step outlived its limit
    ├── CircuitOpenError  resource    an operation is paused after repeated failures
    ├── ProtocolError     execution   a frame between processes was malformed
    ├── WorkerDiedError   execution   a worker process ended in the middle of a request
    └── InternalError     execution   a defect of ours, translated at the seam where it surfaced

``code`` is a stable machine word (``audio.too_long``); ``hint`` tells the person what to do next.
What leaves the server is :meth:`Wav2Vec2Error.public`: no path, no traceback, no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

Layer = Literal["validation", "context", "resource", "execution"]
Severity = Literal["warning", "error", "critical"]


class Wav2Vec2Error(Exception):
    """Root of the tree; raised only through its subclasses.

    Args:
        message: one sentence saying what happened, fit for a person to read.
        code: stable machine word, ``area.what``.
        hint: one sentence saying what to do next; may be empty.
        layer, severity, retryable: override the class's defaults where one case differs.
        metadata: JSON-able facts for the log and for clients (limits, measured values).
    """

    default_layer: ClassVar[Layer] = "execution"
    default_severity: ClassVar[Severity] = "error"
    default_retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        layer: Layer | None = None,
        severity: Severity | None = None,
        retryable: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.layer: Layer = layer or self.default_layer
        self.severity: Severity = severity or self.default_severity
        self.retryable = self.default_retryable if retryable is None else retryable
        self.metadata: dict[str, Any] = dict(metadata or {})

    def public(self) -> dict[str, Any]:
        """The JSON-able form that may leave the server."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "layer": self.layer,
            "severity": self.severity,
            "retryable": self.retryable,
            "metadata": self.metadata,
        }

    def to_wire(self) -> dict[str, Any]:
        """:meth:`public` plus the class's name, so that :func:`from_wire` restores the type."""
        return {"type": type(self).__name__, **self.public()}


class InputError(Wav2Vec2Error):
    """The caller's audio, text or option cannot be used; trying again unchanged will not help."""

    default_layer = "validation"
    default_severity = "warning"
    default_code = "input.invalid"


class ModelError(Wav2Vec2Error):
    """The model that was asked for cannot be had (unknown, not allowed, without weights…)."""

    default_layer = "context"
    default_code = "model.unavailable"


class ResourceError(Wav2Vec2Error):
    """Memory, disk or a device ran out."""

    default_layer = "resource"
    default_retryable = True
    default_code = "resource.exhausted"


class BusyError(ResourceError):
    """The queue is full; ``metadata["retry_after_s"]`` says when to try again."""

    default_severity = "warning"
    default_code = "queue.full"


class CircuitOpenError(ResourceError):
    """An operation failed so often that it rests for ``metadata["retry_after_s"]`` seconds."""

    default_code = "circuit.open"


class CancelledError(Wav2Vec2Error):
    """Somebody asked for the work to stop, and it did."""

    default_severity = "warning"
    default_code = "task.cancelled"


class TimedOutError(Wav2Vec2Error):
    """A step outlived its limit."""

    default_retryable = True
    default_code = "task.timeout"


class ProtocolError(Wav2Vec2Error):
    """A frame between processes was malformed or out of bounds."""

    default_severity = "critical"
    default_code = "bridge.protocol"


class WorkerDiedError(Wav2Vec2Error):
    """A worker process ended in the middle of a request, or cannot be started."""

    default_severity = "critical"
    default_retryable = True
    default_code = "worker.died"


class InternalError(Wav2Vec2Error):
    """A defect of ours; the log, joined by the request's id, has the whole."""

    default_severity = "critical"
    default_code = "internal"


_BY_NAME: dict[str, type[Wav2Vec2Error]] = {
    cls.__name__: cls
    for cls in (
        InputError, ModelError, ResourceError, BusyError, CircuitOpenError, CancelledError,
        TimedOutError, ProtocolError, WorkerDiedError, InternalError,
    )
}  # fmt: skip


def from_wire(data: Mapping[str, Any]) -> Wav2Vec2Error:
    """Rebuild an error from its :meth:`~Wav2Vec2Error.to_wire`; unknown types are internal."""
    cls = _BY_NAME.get(str(data.get("type", "")), InternalError)
    return cls(
        str(data.get("message", "unknown error")),
        code=data.get("code"),
        hint=str(data.get("hint", "")),
        layer=data.get("layer"),
        severity=data.get("severity"),
        retryable=data.get("retryable"),
        metadata=data.get("metadata"),
    )


def translate(error: BaseException, *, code: str = "internal") -> Wav2Vec2Error:
    """Translate a foreign exception once, at the seam where it enters; ours pass through."""
    if isinstance(error, Wav2Vec2Error):
        return error
    if isinstance(error, MemoryError):
        return ResourceError(
            "The machine ran out of memory for this request.",
            code="resource.memory",
            hint="Try a shorter recording or a smaller model.",
        )
    return InternalError(
        "Something went wrong on our side.",
        code=code,
        hint="Try again; if it happens again, report the request id.",
        metadata={"type": type(error).__name__},
    )

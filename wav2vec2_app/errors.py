"""The error tree: every failure a user or client can meet, with a code and a hint.

::

    Wav2Vec2Error
    ├── InputError            validation  the audio, text or option of the caller cannot be used
    ├── ModelError            context     the requested model is not available
    ├── ResourceError         resource    memory, disk space, a device or a connection is missing
    │   ├── BusyError         resource    the queue is full; carries retry_after_s
    │   └── CircuitOpenError  resource    an operation is paused after repeated failures
    ├── CancelledError        execution   the task was cancelled
    ├── TimedOutError         execution   a step took longer than its limit
    ├── ProtocolError         execution   a frame between processes was malformed
    ├── WorkerDiedError       execution   a worker process ended during a request
    └── InternalError         execution   a defect of this application

``code`` is a stable identifier (``audio.too_long``); ``message`` says what happened and ``hint`` what
to do. What leaves the server is :meth:`Wav2Vec2Error.public`: no path, no traceback, no secret.

Exceptions of other libraries are translated once, where they enter, by :func:`translate` with the
table :data:`FOREIGN_ERRORS`.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

Layer = Literal["validation", "context", "resource", "execution"]
Severity = Literal["warning", "error", "critical"]


class Wav2Vec2Error(Exception):
    """Root of the tree; raised only through its subclasses.

    Args:
        message: one sentence for the user that says what happened.
        code: stable identifier, ``area.what``.
        hint: one sentence that says what to do; may be empty.
        layer, severity, retryable: override the defaults of the class.
        metadata: JSON-serialisable facts for the log and for clients (limits, measured values).
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
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.layer: Layer = layer or self.default_layer
        self.severity: Severity = severity or self.default_severity
        self.retryable = self.default_retryable if retryable is None else retryable
        self.metadata: dict[str, object] = dict(metadata or {})

    def public(self) -> dict[str, object]:
        """The JSON-serialisable form that may leave the server."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "layer": self.layer,
            "severity": self.severity,
            "retryable": self.retryable,
            "metadata": self.metadata,
        }

    def to_wire(self) -> dict[str, object]:
        """:meth:`public` plus the class's name, so that :func:`from_wire` restores the type."""
        return {"type": type(self).__name__, **self.public()}


class InputError(Wav2Vec2Error):
    """The audio, text or option of the caller cannot be used; retrying unchanged does not help."""

    default_layer = "validation"
    default_severity = "warning"
    default_code = "input.invalid"


class ModelError(Wav2Vec2Error):
    """The requested model is not available (unknown, not allowed, without weights…)."""

    default_layer = "context"
    default_code = "model.unavailable"


class ResourceError(Wav2Vec2Error):
    """Memory, disk space, a device or a connection is missing."""

    default_layer = "resource"
    default_retryable = True
    default_code = "resource.exhausted"


class BusyError(ResourceError):
    """The queue is full; ``metadata["retry_after_s"]`` says when to try again."""

    default_severity = "warning"
    default_code = "queue.full"


class CircuitOpenError(ResourceError):
    """An operation failed repeatedly and is paused for ``metadata["retry_after_s"]`` seconds."""

    default_code = "circuit.open"


class CancelledError(Wav2Vec2Error):
    """The task was cancelled."""

    default_severity = "warning"
    default_code = "task.cancelled"


class TimedOutError(Wav2Vec2Error):
    """A step took longer than its limit."""

    default_retryable = True
    default_code = "task.timeout"


class ProtocolError(Wav2Vec2Error):
    """A frame between processes was malformed or out of bounds."""

    default_severity = "critical"
    default_code = "bridge.protocol"


class WorkerDiedError(Wav2Vec2Error):
    """A worker process ended during a request, or cannot be started."""

    default_severity = "critical"
    default_retryable = True
    default_code = "worker.died"


class InternalError(Wav2Vec2Error):
    """A defect of this application; the log has the details under the request id."""

    default_severity = "critical"
    default_code = "internal"


_BY_NAME: dict[str, type[Wav2Vec2Error]] = {
    cls.__name__: cls
    for parent in (Wav2Vec2Error, ResourceError)
    for cls in parent.__subclasses__()
}


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


@dataclass(frozen=True)
class ForeignError:
    """One row of :data:`FOREIGN_ERRORS`: what a group of exceptions is translated to.

    Attributes:
        names: of the classes, which stand for their subclasses too; no library is imported for them.
        error, code, message, hint, retryable: of the translation.
        errnos: where not empty, only exceptions with one of these numbers are meant.
    """

    names: tuple[str, ...]
    error: type[Wav2Vec2Error]
    code: str
    message: str
    hint: str
    errnos: tuple[int, ...] = ()
    retryable: bool | None = None

    def matches(self, error: BaseException) -> bool:
        """Whether ``error`` belongs to this row."""
        classes = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__}
        if classes.isdisjoint(self.names):
            return False
        return not self.errnos or getattr(error, "errno", None) in self.errnos

    def translate(self) -> Wav2Vec2Error:
        return self.error(self.message, code=self.code, hint=self.hint, retryable=self.retryable)


FOREIGN_ERRORS: tuple[ForeignError, ...] = (
    ForeignError(
        ("builtins.MemoryError", "torch.OutOfMemoryError"),
        ResourceError,
        "resource.memory",
        "The machine ran out of memory for this request.",
        "Use a shorter recording or a smaller model.",
    ),
    ForeignError(
        ("builtins.OSError",),
        ResourceError,
        "resource.disk",
        "The disk of the server is full.",
        "Free disk space on the server, then try again.",
        errnos=(errno.ENOSPC, errno.EDQUOT),
    ),
    ForeignError(
        ("builtins.OSError",),
        ResourceError,
        "resource.files",
        "The server has too many open files.",
        "Try again in a moment.",
        errnos=(errno.EMFILE, errno.ENFILE),
    ),
    ForeignError(
        (
            "huggingface_hub.errors.RepositoryNotFoundError",
            "huggingface_hub.errors.RevisionNotFoundError",
            "huggingface_hub.errors.RevisionResolutionError",
            "huggingface_hub.errors.DisabledRepoError",
            "huggingface_hub.errors.RemoteEntryNotFoundError",
            "huggingface_hub.errors.HFValidationError",
        ),
        ModelError,
        "model.not_on_hub",
        "The model hub does not offer this model.",
        "Check the name of the model, or choose one of the listed models.",
    ),
    ForeignError(
        (
            "huggingface_hub.errors.HfHubHTTPError",
            "huggingface_hub.errors.OfflineModeIsEnabled",
            "huggingface_hub.errors.EntryNotFoundError",
            "huggingface_hub.errors.FileMetadataError",
            "huggingface_hub.errors.XetDownloadError",
            "httpx.HTTPError",
            "httpx2.HTTPError",
        ),
        ModelError,
        "model.hub_offline",
        "The model hub cannot be reached.",
        "Check the network connection of the server, or choose a model that is on its disk.",
        retryable=True,
    ),
    ForeignError(
        ("av.error.FFmpegError", "soundfile.LibsndfileError"),
        InputError,
        "audio.broken",
        "The recording cannot be decoded; the file may be damaged.",
        "Convert it to WAV or FLAC, or upload another file.",
    ),
    ForeignError(
        ("builtins.ConnectionError", "asyncio.exceptions.IncompleteReadError"),
        ResourceError,
        "connection.closed",
        "A connection was closed before the request was finished.",
        "Try again.",
    ),
    ForeignError(
        ("builtins.TimeoutError", "asyncio.exceptions.TimeoutError"),
        TimedOutError,
        "task.timeout",
        "An operation took longer than its limit.",
        "Try again, or use a shorter recording.",
    ),
)
"""Groups of foreign exceptions and their translations; the first row that matches counts."""


def translate(error: BaseException) -> Wav2Vec2Error:
    """The error of this tree for ``error``; one of this tree is returned unchanged."""
    if isinstance(error, Wav2Vec2Error):
        return error
    for row in FOREIGN_ERRORS:
        if row.matches(error):
            return row.translate()
    return InternalError(
        "An unexpected error occurred in the application.",
        hint="Try again; if it happens again, report the request id.",
        metadata={"type": type(error).__name__},
    )

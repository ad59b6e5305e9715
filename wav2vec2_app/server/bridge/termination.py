"""Why a worker process ended: exit codes and signals as sentences for users."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from wav2vec2_app.errors import ProtocolError, Wav2Vec2Error, WorkerDiedError

_EXIT_MEANINGS = {
    0: "ended",
    3: "could not start",
    4: "received a malformed frame",
}
OUTSIDE_SIGNALS = frozenset({"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"})
"""Signals that come from the operator or the operating system, never from a fault in the process."""
_MEMORY_HINT = "The system was probably out of memory. Try a shorter recording or a smaller model."
_RETRY_HINT = "A new worker is starting; try again."


@dataclass(frozen=True)
class Termination:
    """The end of one worker process.

    Attributes:
        error: raised by the requests that it had.
        deliberate: the bridge killed it because it did not stop a cancelled request. That does not
            suggest that the next process would fail, so the restart budget is not charged.
        final: it reported that it cannot start with its configuration; a restart would not help.
        own: it ended by itself: by its own exit, a signal of its own, or a malformed frame. Else the
            operator, the operating system or the bridge ended it.
        was_ready: it could take requests.
        had_begun: an operation was running, which the end is charged to.
    """

    error: WorkerDiedError
    deliberate: bool = False
    final: bool = False
    own: bool = True
    was_ready: bool = False
    had_begun: bool = False

    @property
    def spends_budget(self) -> bool:
        """Whether the restart budget is charged: not for what a request or a kill from outside did."""
        if self.deliberate:
            return False
        return not (self.was_ready and (self.had_begun or not self.own))


def describe(
    role: str,
    exit_code: int | None,
    *,
    killed: str = "",
    cause: Wav2Vec2Error | None = None,
) -> WorkerDiedError:
    """The error for a worker that ended.

    Args:
        role: which worker.
        exit_code: as :mod:`subprocess` gives it, negative for a signal; None if it never ran.
        killed: why the bridge killed it; empty if it did not.
        cause: the error that it reported at its start, or how it broke the protocol.
    """
    metadata: dict[str, Any] = {"role": role, "exit_code": exit_code}
    if name := signal_name(exit_code):
        metadata["signal"] = name
    if cause is not None:
        metadata["cause"] = cause.code
    if killed:
        what, code, hint = f"was stopped because it {killed}", "worker.died", _RETRY_HINT
    elif cause is not None and not isinstance(cause, ProtocolError):
        what, code, hint = (
            f"could not start: {cause.message.rstrip('.')}",
            "worker.start_failed",
            cause.hint,
        )
    else:
        what, code, hint = _ending(exit_code, name)
    return WorkerDiedError(f"The {role} worker {what}.", code=code, hint=hint, metadata=metadata)


def signal_name(exit_code: int | None) -> str:
    """The signal behind an exit code: negative, or over 128 as a shell reports it; else empty."""
    if exit_code is None or not (exit_code < 0 or 128 < exit_code < 192):
        return ""
    number = -exit_code if exit_code < 0 else exit_code - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_own(exit_code: int | None, killed: str, cause: Wav2Vec2Error | None) -> bool:
    """Whether a worker ended by itself; the arguments are those of :func:`describe`."""
    name = signal_name(exit_code)
    if killed and name in ("", "SIGKILL"):  # else it had ended before it could be killed
        return isinstance(cause, ProtocolError)
    return name not in OUTSIDE_SIGNALS


def _ending(exit_code: int | None, name: str) -> tuple[str, str, str]:
    if exit_code is None:
        return "could not be started", "worker.start_failed", "Run `wav2vec2-app doctor`."
    if name == "SIGKILL":
        return "was killed by the system (SIGKILL)", "worker.died", _MEMORY_HINT
    if name in OUTSIDE_SIGNALS:
        return f"was ended from outside ({name})", "worker.died", _RETRY_HINT
    if name:
        return f"crashed ({name})", "worker.died", _RETRY_HINT
    meaning = _EXIT_MEANINGS.get(exit_code, "ended unexpectedly")
    return f"{meaning} (exit code {exit_code})", "worker.died", _RETRY_HINT

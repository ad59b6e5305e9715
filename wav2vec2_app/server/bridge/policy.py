"""Timeouts and restarts of one worker process."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RestartPolicy:
    """How often a worker is restarted, and how soon.

    Attributes:
        budget: restarts within ``window_s``; past them the worker stays down until one is free again.
        window_s: length of the sliding window, seconds.
        backoff_s: first wait before a restart, seconds; doubles with each restart in the window.
    """

    budget: int = 5
    window_s: float = 60.0
    backoff_s: float = 0.1


@dataclass(frozen=True)
class BridgePolicy:
    """How long a worker process may take, seconds, and how it is restarted.

    Attributes:
        start_timeout_s: until it is ready.
        ping_interval_s: from one health check to the next.
        ping_timeout_s: to answer a health check, and to read what it is sent; then it is replaced.
        kill_grace_s: to stop a cancelled operation, and to exit.
        restarts: how often and how soon it is restarted.
    """

    start_timeout_s: float = 90.0
    ping_interval_s: float = 5.0
    ping_timeout_s: float = 15.0
    kill_grace_s: float = 5.0
    restarts: RestartPolicy = field(default_factory=RestartPolicy)

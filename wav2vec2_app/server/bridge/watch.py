"""Follows the state of the replicas of one role."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from wav2vec2_app.errors import TimedOutError, Wav2Vec2Error, WorkerDiedError
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.server.bridge.policy import BridgePolicy
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.deadline import Deadline, cancel_all, first
from wav2vec2_app.server.events import WorkerEvent, WorkerEventKind, WorkerEventSink

_log = logging.getLogger(__name__)

ANNOUNCED: tuple[WorkerEventKind, ...] = ("ready", "down")
"""States that are reported when the replicas enter them."""


class ReplicaWatch:
    """Looks replicas up now and then.

    Args:
        role: of the replicas.
        look: returns the state of every replica, or raises a :class:`Wav2Vec2Error` that says why they
            cannot be reached.
        policy: how long they may take to start, and how often they are looked up.
        on_event: gets an event when they can be reached, and when they no longer can.
        on_demand: there may be none; the first request starts one.

    Attributes:
        info: the body of the last ``info`` frame of a replica.
        stopped: whether :meth:`stop` was called.
        error: why the replicas cannot be reached; None if they can.
    """

    def __init__(
        self,
        role: str,
        look: Callable[[], Awaitable[Sequence[str]]],
        policy: BridgePolicy,
        on_event: WorkerEventSink,
        *,
        on_demand: bool,
    ) -> None:
        self.info: Body | None = None
        self.stopped = False
        self.error: Wav2Vec2Error | None = None
        self._role = role
        self._look = look
        self._policy = policy
        self._on_event = on_event
        self._on_demand = on_demand
        self._found: Sequence[str] = ()
        self._looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def states(self) -> Sequence[str]:
        """The state of every replica; of one that should be there, if there is none."""
        if self.stopped:
            return ("stopped",)
        if self.error is not None:
            return ("down",)
        return self._found or (() if self._on_demand else ("starting",))

    def start(self, after: Delay | None = None) -> None:
        """Begin, in the background; ``after`` is awaited first."""
        if self._task is None and not self.stopped:
            self._task = asyncio.create_task(self._run(after), name=f"watch {self._role}")

    async def stop(self) -> None:
        """Stop; the replicas go on."""
        self.stopped = True
        self._looked.set()
        if self._task is not None:
            await cancel_all([self._task])

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until a replica is ready.

        Raises:
            TimedOutError: it takes longer than ``timeout_s`` (by default the start timeout).
            Wav2Vec2Error: why the replicas cannot be reached.
        """
        limit_s = self._policy.start_timeout_s if timeout_s is None else timeout_s
        deadline = Deadline.after(limit_s)
        while "ready" not in self.states:
            if self.stopped or self.error is not None:
                raise self.error or self.unavailable()
            if not (remaining_s := deadline.remaining_s()):
                raise TimedOutError(
                    f"No {self._role} replica was ready in time.",
                    hint="They are starting; try again in a moment.",
                    metadata={"role": self._role},
                )
            self._looked.clear()
            news = asyncio.create_task(self._looked.wait())
            await first(news, timeout_s=remaining_s)
            news.cancel()

    async def look(self) -> None:
        """Look the replicas up once."""
        before = self.states
        try:
            self._found, self.error = await self._look(), None
        except TimedOutError:  # all are busy, or the cluster is slow: what is known stays
            _log.info("the %s replicas did not say in time how they are", self._role)
        except Wav2Vec2Error as error:
            self.error = error
        except Exception:
            _log.exception("the %s replicas could not be looked up", self._role)
        self._looked.set()
        for state in ANNOUNCED:
            if state in self.states and state not in before:
                self.announce(state, WorkerDiedError(self.error.message) if self.error else None)

    def announce(self, kind: WorkerEventKind, error: WorkerDiedError | None = None) -> None:
        """Send an event; a sink that fails is logged and does no harm."""
        try:
            self._on_event(WorkerEvent(self._role, kind, None, error))
        except Exception:
            _log.exception("a sink of the events of the %s replicas failed", self._role)

    def unavailable(self) -> WorkerDiedError:
        """The error for requests that no replica will answer."""
        if self.stopped:
            return WorkerDiedError(
                f"The {self._role} backend is stopped.", code="worker.stopped", retryable=False
            )
        return WorkerDiedError(
            f"No {self._role} replica runs.",
            code="worker.down",
            hint="Try again when the cluster has started one.",
            retryable=False,
        )

    async def _run(self, after: Delay | None) -> None:
        if after is not None:
            await after()
        while True:
            await self.look()
            await asyncio.sleep(self._policy.ping_interval_s)

"""Who sends a task: the client's name, its limits, and which session belongs to which client.

A client is an API key (``key:…``), else a network address (``address:…``); the empty name is this
process itself (command line, tests), which has no limits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from wav2vec2_app.errors import BusyError

LOCAL = ""
"""The client of tasks that this process submits itself."""
CLIENT_IN_SCOPE = "wav2vec2.client"
"""Key of the client's name in the ASGI scope of its requests."""
HISTORY_IN_SCOPE = "wav2vec2.history"
"""Key of the owner of the history that its results are stored in."""
KEY, ADDRESS = "key:", "address:"
MAX_SESSIONS = 10_000
"""Sessions whose client is remembered; the least recently used is forgotten first."""

_CURRENT: ContextVar[str] = ContextVar("client", default=LOCAL)
_HISTORY: ContextVar[str] = ContextVar("history", default="")


def current_client() -> str:
    """The client whose request is being answered; :data:`LOCAL` outside of requests."""
    return _CURRENT.get()


def current_history() -> str:
    """The owner of the history of the request that is being answered; empty without one."""
    return _HISTORY.get()


@contextmanager
def answering(client: str) -> Iterator[None]:
    """Requests in the block are those of ``client``."""
    token = _CURRENT.set(client)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def storing(owner: str) -> Iterator[None]:
    """Results of requests in the block are stored in the history of ``owner``."""
    token = _HISTORY.set(owner)
    try:
        yield
    finally:
        _HISTORY.reset(token)


def owner_of(client: str, session: str) -> str:
    """Who may use a result: the client's API key, else its session, else the client itself."""
    if client.startswith(KEY) or not session:
        return client
    return f"session:{session}"


class SessionClients:
    """The client and the history of each session; bounded, since clients choose the ids of sessions."""

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit = limit
        self._clients: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    def introduce(self, chosen: str, client: str, history: str = "") -> str:
        """A request came from ``client``, in the session that it called ``chosen``; the session's name.

        Each API key has its own sessions. ``history`` is the owner of the history of its results.
        """
        session = f"{client}/{chosen}" if chosen and client.startswith(KEY) else chosen
        if session and client != LOCAL:
            self._note(session, client, history)
        return session

    def _note(self, session: str, client: str, history: str) -> None:
        self._clients[session] = client, history
        self._clients.move_to_end(session)
        if len(self._clients) > self._limit:
            self._clients.popitem(last=False)

    def of(self, session: str) -> str:
        """The client of a session, else that of the current request."""
        client, _ = self._clients.get(session, ("", ""))
        return client or current_client()

    def history_of(self, session: str) -> str:
        """The owner of the history that results of a session are stored in; empty without one."""
        _, history = self._clients.get(session, ("", ""))
        return history


@dataclass(frozen=True)
class ClientPolicy:
    """Limits of one client; 0: unlimited.

    Attributes:
        tasks: that run or wait at the same time.
        bytes: of the files of these tasks.
    """

    tasks: int = 0
    bytes: int = 0

    def check(self, client: str, sizes: Iterable[int], size: int, retry_after_s: float) -> None:
        """Check one more task of ``size`` bytes of a client with tasks of ``sizes`` bytes.

        Raises:
            BusyError: ``client.tasks``, ``client.bytes``.
        """
        if client == LOCAL:
            return
        sizes = list(sizes)
        retry: dict[str, object] = {"retry_after_s": max(1.0, round(retry_after_s, 1))}
        if self.tasks and len(sizes) >= self.tasks:
            raise BusyError(
                f"This client has {len(sizes)} requests in progress already.",
                code="client.tasks",
                hint="Wait until one of them is finished.",
                metadata={"limit": self.tasks, **retry},
            )
        if self.bytes and sizes and sum(sizes) + size > self.bytes:
            raise BusyError(
                f"This client's files in progress exceed {self.bytes / 2**20:.0f} MB.",
                code="client.bytes",
                hint="Wait until one of them is finished.",
                metadata={"limit": self.bytes, **retry},
            )

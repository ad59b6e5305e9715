"""Stores the results of tasks in the history: a sink of events."""

from __future__ import annotations

import asyncio
import io
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Final

from wav2vec2_app.errors import BusyError, Wav2Vec2Error
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.events import Done, Event
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.storage.errors import storage_error
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.records import NewItem
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.transcript import Recognition

logger = logging.getLogger(__name__)

MAX_PENDING: Final = 64
"""Results that wait to be stored; above it, a result is not stored."""
MAX_PENDING_BYTES: Final = 512 << 20
"""Size of their emissions."""
MAX_PROBLEMS: Final = 1000
"""Owners whose latest problem is remembered."""
PURGE_INTERVAL_S: Final = 600.0


class HistoryRecorder:
    """Stores each finished transcription that has an owner of a history; never affects the task.

    What happens to one result does not affect the next: whether it could be stored is known by
    :meth:`problem_of`.

    Args:
        store: where to; started and closed with the recorder.
    """

    def __init__(self, store: HistoryStore) -> None:
        self.store = store
        self._pending: dict[asyncio.Future[None], tuple[str, int]] = {}
        self._problems: OrderedDict[str, Wav2Vec2Error] = OrderedDict()
        self._purging: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the store. If that fails, the log says why, and every request for the history does."""
        try:
            await self.store.start()
        except Wav2Vec2Error as error:
            logger.error("the history is off: %s %s (%s)", error.message, error.hint, error.code)
        self._purging = asyncio.create_task(self._purge())

    async def stop(self) -> None:
        """Store what waits, and close the store."""
        if self._purging is not None:
            await cancel_all([self._purging])
        await self.drain()
        await self.store.close()

    async def drain(self) -> None:
        """Wait until everything is stored that has finished so far."""
        await asyncio.gather(*self._pending)

    async def settled(self, owner: str) -> None:
        """Wait until the results of an owner are stored that have finished so far."""
        await asyncio.gather(*(work for work, (of, _) in self._pending.items() if of == owner))

    def problem_of(self, owner: str) -> Wav2Vec2Error | None:
        """Why the latest result of an owner could not be stored; ``None`` if it was."""
        return self._problems.get(owner)

    def __call__(self, event: Event) -> None:
        """Store the result of a finished task; the sink."""
        if isinstance(event, Done) and _is_stored(event.task, event.result):
            self._begin(event.task, event.result)

    def _begin(self, task: AudioTask, result: AudioResult) -> None:
        size = _emission_bytes(result.recognition)
        full = (
            self._pending
            and sum(one for _, one in self._pending.values()) + size > MAX_PENDING_BYTES
        )
        if full or len(self._pending) >= MAX_PENDING:
            self._note(task.history, _too_many())
            return
        work = asyncio.ensure_future(self._store(_new_item(task, result)))
        self._pending[work] = task.history, size
        work.add_done_callback(self._pending.pop)

    async def _store(self, new: NewItem) -> None:
        problem: Wav2Vec2Error | None = None
        try:
            await self.store.add(new)
        except Wav2Vec2Error as error:
            problem = error
        except Exception as failure:
            logger.exception("a result could not be stored")
            problem = storage_error(failure)
        finally:
            if new.audio is not None:
                new.audio.close()
        self._note(new.owner, problem)

    def _note(self, owner: str, problem: Wav2Vec2Error | None) -> None:
        self._problems.pop(owner, None)
        if problem is None:
            return
        logger.warning("a result could not be stored: %s", problem.message)
        self._problems[owner] = problem
        if len(self._problems) > MAX_PROBLEMS:
            self._problems.popitem(last=False)

    async def _purge(self) -> None:
        while True:
            await asyncio.sleep(PURGE_INTERVAL_S)
            with suppress(Wav2Vec2Error):  # it is tried again, and users see it in their history
                await self.store.purge()


def _is_stored(task: AudioTask, result: AudioResult) -> bool:
    """Whether a result belongs into a history: a transcript with an owner."""
    return (
        bool(task.history)
        and not task.live
        and not task.comparison
        and Want.TRANSCRIPT in task.wants
        and result.recognition is not None
    )


def _emission_bytes(recognition: Recognition | None) -> int:
    parts = (recognition, *recognition.channels) if recognition is not None else ()
    return sum(one.emission.log_probs.nbytes for one in parts if one.emission is not None)


def _new_item(task: AudioTask, result: AudioResult) -> NewItem:
    """The item of a task. Its recording is opened now: the file may be gone a moment later."""
    return NewItem(
        owner=task.history,
        request_id=task.id,
        replaces=task.cached_id,
        name=task.source.name if task.source else "",
        result=replace(result, features=None, pictures=()),
        decoding=task.decoding,
        audio=_opened(task.source),
    )


def _opened(source: AudioSource | None) -> BinaryIO | None:
    if source is None:
        return None
    if source.data is not None:
        return io.BytesIO(source.data)
    with suppress(OSError):
        return open(source.path or "", "rb")  # noqa: PTH123 - closed when it is stored
    return None


def _too_many() -> BusyError:
    return BusyError(
        "Too many results wait to be stored.",
        code="history.busy",
        hint="Transcribe the recording again later if you need it in the history.",
    )

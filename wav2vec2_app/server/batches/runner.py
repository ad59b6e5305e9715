"""Transcribes the files of batches in the background, one after the other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Final

from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    CircuitOpenError,
    Wav2Vec2Error,
    translate,
)
from wav2vec2_app.server import schema
from wav2vec2_app.server.batches.lock import FolderLock
from wav2vec2_app.server.batches.records import WaitingFile
from wav2vec2_app.server.batches.store import BatchStore
from wav2vec2_app.server.clients import LOCAL
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.events import Advanced, Done, Failed
from wav2vec2_app.server.operations import Operation, Target
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.storage.errors import translated
from wav2vec2_app.server.storage.recorder import PURGE_INTERVAL_S
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

POLL_S: Final = 0.25
"""How often the queue is looked at while clients wait in it, seconds."""
MAX_YIELD_S: Final = 60.0
"""Longest time that a file lets clients go first; then it waits in the queue like them, seconds."""
RETRY_S: Final = 5.0
"""Wait before a file is tried again, or the store after a failure, seconds."""
MAX_FILE_TRIES: Final = 5
"""How often a file is tried while the system is too busy or paused."""


class BatchRunner:
    """Runs what waits in a store on an orchestrator.

    A file begins when no client waits in the queue, and takes one slot, so that other clients are not
    delayed by a batch. With several slots, one is never used.

    Args:
        store: the batches; started and closed with the runner.
        orchestrator: transcribes.
        slots: files that are transcribed at the same time.
        clock: monotonic, seconds.
        sleep: waits.
    """

    def __init__(
        self,
        store: BatchStore,
        orchestrator: ModelOrchestrator,
        *,
        slots: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.store = store
        self.progress: dict[tuple[str, int], float] = {}
        self.problem: Wav2Vec2Error | None = None
        self._orchestrator = orchestrator
        self._slots = slots
        self._clock = clock
        self._sleep = sleep
        self._lock = FolderLock(store.folder)
        self._tasks: dict[tuple[str, int], str] = {}
        self._new = asyncio.Event()
        self._working: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Continue what waits. If the store cannot be opened, the log says why, and every request does;
        it is tried again, unless that is of no use.
        """
        await self._open()
        if self.problem is not None:
            error = self.problem
            logger.error("batches are off: %s %s (%s)", error.message, error.hint, error.code)
        self._working = [asyncio.create_task(self._work())]

    async def _open(self) -> None:
        try:
            with translated():
                self._lock.acquire()
            await self.store.start()
            self.problem = None
        except Wav2Vec2Error as error:
            self._lock.release()
            self.problem = error

    async def _work(self) -> None:
        while self.problem is not None and self.problem.retryable:
            await self._sleep(RETRY_S)
            await self._open()
        if self.problem is None:
            self._new.set()
            loops = [self._purge(), *(self._run() for _ in range(self._slots))]
            await asyncio.gather(*loops, return_exceptions=True)  # a cancel waits for all of them

    async def stop(self) -> None:
        """Stop; what is not finished continues at the next start."""
        await cancel_all(self._working)
        self._working = []
        await self.store.close()
        self._lock.release()

    def wake(self) -> None:
        """There may be something new in the store."""
        self._new.set()

    def cancel(self, batch: str) -> None:
        """Stop transcribing files of a batch that was deleted."""
        for (running, _), task_id in list(self._tasks.items()):
            if running == batch:
                self._orchestrator.cancel(task_id)

    async def _run(self) -> None:
        while True:
            await self._try_next()

    async def _try_next(self) -> None:
        try:
            await self._run_next()
        except Exception as failure:  # neither a full disk nor a defect ends all batches
            error = translate(failure)
            logger.warning("a batch waits: %s", error.message, exc_info=failure)
            await self._sleep(RETRY_S)

    async def _run_next(self) -> None:
        self._new.clear()
        await self._let_others_go_first()
        file = await self.store.next()
        if file is None:
            await self._new.wait()
            return
        self._new.set()  # there may be another one for another slot
        key = (file.batch, file.number)
        began_s = self._clock()
        try:
            outcome = await self._outcome(file)
        except asyncio.CancelledError:
            with suppress(Wav2Vec2Error):
                await self.store.put_back(file)
            raise
        finally:
            self.progress.pop(key, None)
            self._tasks.pop(key, None)
        await self.store.finish(file, outcome, self._clock() - began_s)

    async def _let_others_go_first(self) -> None:
        """Wait until no client waits in the queue, but not for ever."""
        until_s = self._clock() + MAX_YIELD_S
        while self._orchestrator.status().queued and self._clock() < until_s:
            await self._sleep(POLL_S)

    async def _outcome(self, file: WaitingFile) -> schema.TranscriptionResponse | Wav2Vec2Error:
        """The transcription of a file, or why there is none."""
        tries = 0
        while True:
            tries += 1
            try:
                result = await self._transcribe(file)
                return await asyncio.to_thread(
                    schema.transcription, result, file.options.decoding, file.options.export
                )
            except (BusyError, CircuitOpenError) as error:
                if tries >= MAX_FILE_TRIES:
                    return error
                await self._sleep(RETRY_S)
            except CancelledError as error:
                return error
            except Exception as failure:
                return translate(failure)

    async def _transcribe(self, file: WaitingFile) -> AudioResult:
        key, options = (file.batch, file.number), file.options
        target = Target(model=options.model, decoding=options.decoding)  # which is not cached
        task = AudioTask(
            AudioSource(path=file.path, name=file.name),
            options.wants,
            decoding=options.decoding,
            targets=(target,),
            audio_options=options.audio,
            client=LOCAL,
            history="",
        )
        self._tasks[key] = task.id
        async with aclosing(self._orchestrator.submit(task)) as events:
            async for event in events:
                if isinstance(event, Advanced) and event.operation is Operation.TRANSCRIBE:
                    self.progress[key] = event.fraction
                elif isinstance(event, Failed):
                    raise event.error
                elif isinstance(event, Done):
                    return event.result
        raise AssertionError("a task ends with Done or Failed")

    async def _purge(self) -> None:
        while True:
            with suppress(Wav2Vec2Error):
                await self.store.purge()
            await self._sleep(PURGE_INTERVAL_S)

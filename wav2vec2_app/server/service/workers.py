"""The worker pools of a service: their start and their end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.protocol.inference import InferenceInfo
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.status import WorkerStatus

HEAD_START_S = 3.0
"""In a sequential start, the longest time that the text worker starts before the others, seconds."""


@dataclass(frozen=True)
class Workers:
    """The worker processes of a service.

    Attributes:
        audio: decode audio, compute features and draw.
        inference: run the model.
        text: decode emissions and align.
        make_download: makes a pool of one worker that downloads models, when one is needed.
        others: pools of other recognisers, which start and stop them; they use the same memory.
        sequential_start: whether the text worker starts before the others, so that the server process
            has a processor for itself meanwhile.
    """

    audio: Backend
    inference: Backend
    text: Backend
    make_download: Callable[[], Backend]
    others: tuple[Backend, ...] = ()
    sequential_start: bool = False

    @property
    def pools(self) -> tuple[Backend, ...]:
        return (self.audio, self.inference, self.text)

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker at this moment."""
        return _statuses(self.pools)

    def with_others(self) -> tuple[WorkerStatus, ...]:
        """Every worker that uses the application's memory."""
        return _statuses((*self.pools, *self.others))

    def start_bytes(self) -> Mapping[int, int]:
        """Private memory of the inference workers when they had loaded the default model, by pid."""
        infos = self.inference.infos(InferenceInfo)
        return {pid: info.start_bytes for pid, info in infos if pid is not None}

    def replace(self, pid: int) -> bool:
        """Replace a process when it is idle; see :meth:`Backend.replace`."""
        return any(pool.replace(pid) for pool in (*self.pools, *self.others))

    async def start(self) -> None:
        """Start all; they get ready in the background."""
        await self.text.start()
        after = self._head_start if self.sequential_start else None
        await asyncio.gather(self.audio.start(after), self.inference.start(after))

    async def wait_ready(self) -> None:
        """Return when all can take requests; raises the error of one that cannot start."""
        await asyncio.gather(*(pool.wait_ready() for pool in self.pools))

    async def stop(self) -> None:
        """End all in order."""
        await asyncio.gather(*(pool.stop() for pool in self.pools))

    async def _head_start(self) -> None:
        with contextlib.suppress(Wav2Vec2Error):
            await self.text.wait_ready(HEAD_START_S)


def _statuses(pools: Iterable[Backend]) -> tuple[WorkerStatus, ...]:
    return tuple(status for pool in pools for status in pool.statuses())

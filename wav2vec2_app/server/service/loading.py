"""Loads models into the inference workers, beside the requests for those that are loaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wav2vec2_app.errors import InputError, ModelError, TimedOutError, Wav2Vec2Error
from wav2vec2_app.protocol.inference import LoadRequest, LoadResponse, UnloadRequest
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.deadline import Deadline, cancel_all, first
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.speech.models import ModelInfo

log = logging.getLogger(__name__)

UNLOAD_LIMIT_S = 60.0
"""Time limit of unloading, seconds."""


@dataclass(frozen=True)
class _Load:
    name: str
    unload_others: bool


class ModelLoader:
    """Loads and unloads models in all inference workers.

    Requests that wait for the same model share one load, which goes on if they are cancelled.

    Args:
        pool: the workers.
        limits: how long loading may take.
        memory_bytes: private memory that one of the workers may use now.
    """

    def __init__(self, pool: Backend, limits: StepLimits, memory_bytes: Callable[[], int]) -> None:
        self._pool = pool
        self._limit_s = limits.limit_s(loads_model=True)
        self._memory_bytes = memory_bytes
        self._loads: dict[_Load, asyncio.Task[ModelInfo]] = {}
        self.on_loaded: Callable[[str, ModelInfo], None] = lambda name, model: None
        """Called with the requested name and the model that was loaded for it."""

    @property
    def names(self) -> frozenset[str]:
        """The models that are being loaded."""
        return frozenset(load.name for load in self._loads)

    async def load(self, name: str, deadline: Deadline | None = None) -> ModelInfo:
        """Load the model called ``name``; the least recently used ones are unloaded if necessary.

        Raises:
            ModelError: it cannot be loaded.
            TimedOutError: the deadline passed; loading goes on.
        """
        task = self.start(name)
        await first(task, timeout_s=deadline.remaining_s() if deadline else None)
        if not task.done():
            raise TimedOutError(
                f"The model {name[:80]} was not loaded in time.",
                layer="context",  # no fault of the operation
                hint="Try again: loading goes on.",
                metadata={"model": name[:200]},
            )
        return task.result()

    def start(self, name: str, *, unload_others: bool = True) -> asyncio.Task[ModelInfo]:
        """Begin to load, unless that has begun; the task of it."""
        load = _Load(name, unload_others)
        if load not in self._loads:
            task = asyncio.create_task(self._run(load), name=f"load {name[:80]}")
            self._loads[load] = task
            task.add_done_callback(lambda done: self._finish(load, done))
        return self._loads[load]

    async def unload(self, idle_s: float, keep: Sequence[str]) -> None:
        """Unload models that are idle, or in the way of the memory limit."""
        request = UnloadRequest(idle_s, tuple(keep), self._memory_bytes())
        try:
            await self._pool.broadcast(request, deadline=Deadline.after(UNLOAD_LIMIT_S))
        except Wav2Vec2Error as error:
            log.info("idle models were not unloaded: %s", error.message)

    async def stop(self) -> None:
        """Cancel everything."""
        await cancel_all(list(self._loads.values()))

    async def _run(self, load: _Load) -> ModelInfo:
        request = LoadRequest(load.name, self._memory_bytes(), load.unload_others)
        try:
            answers: list[LoadResponse] = await self._pool.broadcast(
                request, deadline=Deadline.after(self._limit_s)
            )
        except InputError as error:
            if error.code == "request.quarantined":
                raise _crashes(load.name, error) from error
            raise
        self.on_loaded(load.name, answers[0].model)
        return answers[0].model

    def _finish(self, load: _Load, task: asyncio.Task[ModelInfo]) -> None:
        del self._loads[load]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("the model %s was not loaded: %s", load.name[:80], error)


def _crashes(name: str, error: InputError) -> ModelError:
    return ModelError(
        f"The model {name[:80]} crashed the inference worker twice while it was loaded.",
        code="model.crashes",
        hint="Choose another model, or save its checkpoint again.",
        metadata={**error.metadata, "model": name[:200]},
    )

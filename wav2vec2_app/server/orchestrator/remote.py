"""The step of a task that runs on another machine: it holds no slot of this one.

A description takes seconds to minutes, nearly all of them on another server. It starts as soon as the audio
is decoded, beside the task's graph, and may go on when the task's slot is given to the next task.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from wav2vec2_app.errors import translate
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.operations import Operation, Step, Want
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.steps import TaskSteps
from wav2vec2_app.server.results import Problem, TaskResult

DESCRIBE: Final = Step(Operation.DESCRIBE)
_NEEDED: Final = Step(Operation.DECODE_AUDIO)


class RemoteDescription:
    """The description of one task; leaving the block cancels it if it is unfinished.

    Args:
        wants: of the task.
        steps: of the task; gets the result.
        dispatcher: runs the step.

    Raises:
        ModelError: a description is wanted, and no adapter can describe.
    """

    def __init__(self, wants: frozenset[Want], steps: TaskSteps, dispatcher: Dispatcher) -> None:
        self._wanted = Want.DESCRIPTION in wants
        self._essential = wants == {Want.DESCRIPTION}
        self._steps = steps
        self._dispatcher = dispatcher
        self._work: asyncio.Task[TaskResult] | None = None
        if self._wanted:
            dispatcher.route(DESCRIBE)

    async def __aenter__(self) -> RemoteDescription:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._work is not None:
            await cancel_all([self._work])

    def after(self, step: Step, result: TaskResult) -> None:
        """A step has finished; if it decoded the audio, describing begins."""
        if self._wanted and self._work is None and step == _NEEDED:
            run = self._dispatcher.run(self._steps, DESCRIBE, {step: result})
            self._work = asyncio.create_task(run)

    async def finish(self) -> tuple[Problem, ...]:
        """Wait for the description; a problem if it failed and the task wants something else too.

        Raises:
            Wav2Vec2Error: it failed, and the task wants nothing else.
        """
        if self._work is None:
            return ()
        try:
            await self._work
        except Exception as error:
            if self._essential:
                raise
            return (Problem(Operation.DESCRIBE, translate(error)),)
        return ()

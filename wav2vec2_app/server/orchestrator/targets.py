"""Which adapters and models transcribe a task."""

from __future__ import annotations

from collections.abc import Callable

from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.operations import ANY_TARGET, Operation, Step, Target, Want
from wav2vec2_app.server.tasks import AudioTask

Route = Callable[[Step], ModelAdapter]
"""The adapter that would run a step."""


def targets_of(task: AudioTask, route: Route) -> tuple[Target, ...]:
    """The targets of ``task``; where it names none, an adapter with an emission if that is needed.

    Alignment, search and live captions start from the emission, which the adapter that answers by default may
    not have.

    Raises:
        ModelError: no adapter can transcribe or align.
    """
    needs_emission = task.live or bool(task.wants & {Want.ALIGNMENT, Want.HITS})
    if not needs_emission or task.transcribers != (ANY_TARGET,):
        return task.transcribers
    default = route(Step(Operation.TRANSCRIBE))
    if Operation.ALIGN in default.get_capabilities().operations:
        return task.transcribers
    return (Target(route(Step(Operation.ALIGN)).name),)

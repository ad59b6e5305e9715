"""Runs tasks on workers of this process, one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.progress import Progress, TaskID

from wav2vec2_app.cli.output import OutputOptions, print_error, print_result, progress_bars
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import Advanced, Done, Failed, Started
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings

Show = Callable[[Path, AudioResult, bool], None]
"""Prints the result of a file; the last argument says whether there are several files."""


async def run_tasks(
    settings: Settings,
    tasks: Sequence[tuple[Path, AudioTask]],
    output: OutputOptions,
    show: Show | None = None,
) -> int:
    """Run the task of each file and print the results, by ``show`` if given; returns how many failed."""
    system = build_system(settings)
    await system.orchestrator.start()
    failures = 0
    try:
        with progress_bars() as progress:
            for file, task in tasks:
                bar = progress.add_task(file.name, total=1.0, stage="waiting")
                try:
                    result = await _run_task(system, task, progress, bar)
                    many = len(tasks) > 1
                    if show is not None:
                        show(file, result, many)
                    else:
                        print_result(file, task, result, output, many=many)
                    failures += bool(result.problems)
                except Wav2Vec2Error as error:
                    failures += 1
                    print_error(file, error, output)
                progress.remove_task(bar)
    finally:
        await system.orchestrator.stop()
    return failures


async def _run_task(
    system: System, task: AudioTask, progress: Progress, bar: TaskID
) -> AudioResult:
    async for event in system.orchestrator.submit(task):
        if isinstance(event, Started):
            progress.update(bar, stage=event.operation.value)
        elif isinstance(event, Advanced):
            progress.update(bar, completed=event.fraction)
        elif isinstance(event, Failed):
            raise event.error
        elif isinstance(event, Done):
            return event.result
    raise AssertionError("a task ends with Done or Failed")

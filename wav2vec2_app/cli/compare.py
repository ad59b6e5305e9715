"""The command ``wav2vec2-app compare FILE``: several models or decoders on one recording."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from rich.table import Table

from wav2vec2_app.cli.output import out, print_json, print_problem, progress_bars
from wav2vec2_app.errors import InternalError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import Advanced, Done, Failed, Started
from wav2vec2_app.server.orchestrator.comparison import (
    Comparison,
    ComparisonRequest,
    ComparisonTracker,
    check_weights,
)
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import MIB, Settings


def compare(
    settings: Settings, task: AudioTask, request: ComparisonRequest, *, as_json: bool
) -> bool:
    """Compare, and print the result; whether at least one variant succeeded.

    ``task`` is that of ``request`` for a file.
    """
    name = task.source.name if task.source else ""
    try:
        outcome = asyncio.run(_compare(settings, task, request))
    except Wav2Vec2Error as error:
        if as_json:
            print_json({"file": name, "error": error.public()})
        print_problem(name, f"{error.message} {error.hint} ({error.code})")
        return False
    answer = schema.comparison(outcome)
    if as_json:
        print_json({"file": name, **answer.json_dict()})
    else:
        _print_text(answer)
    return True


def model_names(given: Sequence[str]) -> list[str]:
    """The names of models; a folder is named by its last part."""
    return [Path(name).resolve().name if Path(name).is_dir() else name for name in given]


def with_folders(settings: Settings, given: Sequence[str]) -> Settings:
    """The settings with the folders among ``given`` as models that may be chosen."""
    folders = tuple(Path(name).resolve() for name in given if Path(name).is_dir())
    known = (*settings.model_folders, *folders)
    return settings.model_copy(update={"model_folders": known})


async def _compare(settings: Settings, task: AudioTask, request: ComparisonRequest) -> Comparison:
    system = build_system(settings)
    await system.orchestrator.start()
    try:
        await system.service.wait_ready()
        check_weights(request, system.orchestrator.status().default_model)
        return await _run(system, task, request)
    finally:
        await system.orchestrator.stop()


async def _run(system: System, task: AudioTask, request: ComparisonRequest) -> Comparison:
    tracker = ComparisonTracker(request, system.orchestrator.status)
    with progress_bars() as progress:
        bar = progress.add_task("", total=1.0, stage="waiting")
        async with aclosing(system.orchestrator.submit(task)) as events:
            async for event in events:
                tracker.note(event)
                if isinstance(event, Started):
                    progress.update(bar, stage=event.operation.value)
                elif isinstance(event, Advanced):
                    progress.update(bar, completed=event.fraction)
                elif isinstance(event, Failed):
                    raise event.error
                elif isinstance(event, Done):
                    return (await tracker.finish(event.result)).check()
    raise InternalError("The task ended without a result.", hint="Try again.")


# --- text ---------------------------------------------------------------------------------------


def _print_text(answer: schema.ComparisonResponse) -> None:
    """The texts, a table of their cost, and the synthesis; problems go to stderr."""
    for variant in answer.variants:
        if variant.error is None:
            print(f"{variant.name}: {marked(variant.differences)}")
        else:
            print_problem(variant.name, f"{variant.error.message} {variant.error.hint}")
    if answer.synthesis is not None:
        print(f"\nsynthesis: {answer.synthesis.text}\n")
    if answer.problem is not None:
        print_problem("synthesis", f"{answer.problem.message} {answer.problem.hint}")
    out.print(_cost_table(answer))


def marked(parts: Sequence[schema.DifferenceJson]) -> str:
    """A text with ``[changed]``, ``[+added]`` and ``[-missing]`` words in brackets."""
    signs = {"changed": "[{}]", "added": "[+{}]", "missing": "[-{}]", "same": "{}"}
    return " ".join(signs[part.kind].format(part.text) for part in parts)


def _cost_table(answer: schema.ComparisonResponse) -> Table:
    table = Table("variant", "model", "time", "memory", "confidence", "word errors")
    for variant in answer.variants:
        if variant.error is None and variant.model is not None:
            memory = variant.memory_bytes
            table.add_row(
                variant.name,
                f"{variant.model.name}, {variant.decoder}",
                f"{variant.work_s:.2f} s",
                f"{memory / MIB:.0f} MiB" if memory is not None else "",
                f"{variant.confidence:.0%}",
                _rate(variant.word_errors),
            )
    if answer.synthesis is not None:
        synthesis = answer.synthesis
        table.add_row(
            "synthesis", "", "", "", f"{synthesis.confidence:.0%}", _rate(synthesis.word_errors)
        )
    return table


def _rate(errors: schema.WordErrorsJson | None) -> str:
    return f"{errors.rate:.1%}" if errors is not None and errors.rate is not None else ""

"""The command line: ``wav2vec2-app serve | transcribe FILE… | doctor``."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from wav2vec2_app import __version__, schema
from wav2vec2_app.build import System, assets_path, build_system
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.monitoring.logs import configure_logging
from wav2vec2_app.settings import Settings
from wav2vec2_app.types import (
    Advanced,
    AudioResult,
    AudioSource,
    AudioTask,
    Done,
    Failed,
    OrchestratorStatus,
    Started,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Speech recognition around wav2vec2."
)
out = Console()
err = Console(stderr=True)


class Output(str, Enum):
    """How ``transcribe`` prints."""

    TEXT = "text"
    JSON = "json"


def main() -> None:
    """Entry point of the ``wav2vec2-app`` command."""
    app()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port.")] = None,
    model: Annotated[str | None, typer.Option(help="auto, embedded, a name or a folder.")] = None,
) -> None:
    """Start the page and the API."""
    from wav2vec2_app.server import run  # gradio takes seconds to import: only where it is used

    run(_settings(host=host, port=port, model=model))


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Audio files.", show_default=False)],
    output: Annotated[Output, typer.Option("--output", "-o", help="text or json.")] = Output.TEXT,
    model: Annotated[str | None, typer.Option(help="auto, embedded, a name or a folder.")] = None,
) -> None:
    """Transcribe audio files; results go to stdout, progress and errors to stderr."""
    settings = _settings(model=model, fetch_models=False, log_level="WARNING")
    configure_logging(settings)
    failures = asyncio.run(_transcribe(settings, files, output))
    raise typer.Exit(1 if failures else 0)


@app.command()
def doctor() -> None:
    """Say what is installed, which device and models there are, and whether workers can start."""
    settings = _settings(fetch_models=False, log_level="ERROR")
    configure_logging(settings)
    out.print(_versions())
    status, problem = asyncio.run(_probe_system(settings))
    out.print(_findings(settings, status))
    if problem is not None:
        _complain("The workers cannot start", f"{problem.message} {problem.hint}")
        raise typer.Exit(1)
    out.print("[green]Ready:[/green] the workers start and the model answers.")


def _settings(**chosen: Any) -> Settings:
    """Settings from the environment, overridden by what was chosen on the command line."""
    try:
        return Settings(**{name: value for name, value in chosen.items() if value is not None})
    except ValidationError as error:
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            _complain(f"WAV2VEC2_{field.upper()}", problem["msg"])
        raise typer.Exit(2) from None


# --- transcribe ---


async def _transcribe(settings: Settings, files: Sequence[Path], output: Output) -> int:
    """Transcribe each file in turn; returns how many failed."""
    system = build_system(settings)
    await system.orchestrator.start()
    failures = 0
    try:
        with _progress() as progress:
            for file in files:
                bar = progress.add_task(file.name, total=1.0, stage="waiting")
                try:
                    result = await _follow(system, file, progress, bar)
                except Wav2Vec2Error as error:
                    failures += 1
                    _print_error(file, error, output)
                else:
                    _print_result(file, result, output, many=len(files) > 1)
                progress.remove_task(bar)
    finally:
        await system.orchestrator.stop()
    return failures


async def _follow(system: System, file: Path, progress: Progress, bar: TaskID) -> AudioResult:
    task = AudioTask(AudioSource(path=file, name=file.name))
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


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


def _print_result(file: Path, result: AudioResult, output: Output, *, many: bool) -> None:
    if output is Output.JSON:
        document = schema.transcription(result).model_dump(mode="json")
        print(json.dumps({"file": file.name, **document}, ensure_ascii=False))
        return
    transcript = result.transcript
    text = transcript.text if transcript else ""
    if transcript is not None and transcript.reason:
        _complain(file.name, f"nothing was said ({transcript.reason.replace('_', ' ')})")
    print(f"{file.name}: {text}" if many else text)


def _print_error(file: Path, error: Wav2Vec2Error, output: Output) -> None:
    if output is Output.JSON:
        print(json.dumps({"file": file.name, "error": error.public()}, ensure_ascii=False))
    _complain(file.name, f"{error.message} {error.hint} ({error.code})")


def _complain(subject: str, text: str) -> None:
    """One line on stderr; neither file names nor messages are taken for markup."""
    err.print(f"[red]{escape(subject)}:[/red] {escape(text)}", soft_wrap=True, highlight=False)


# --- doctor ---

PACKAGES = ("gradio", "torch", "transformers", "matplotlib", "soundfile", "av", "soxr", "numpy")
"""What the application stands on, in the order in which ``doctor`` lists it."""


def _versions() -> Table:
    table = Table(title=f"wav2vec2-app {__version__}", title_justify="left", show_header=False)
    table.add_row("Python", f"{platform.python_version()} on {platform.system()}")
    table.add_row("processor", f"{os.cpu_count()} cores, {platform.machine()}")
    for package in PACKAGES:
        table.add_row(package, _version(package))
    return table


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "[red]missing[/red]"


async def _probe_system(settings: Settings) -> tuple[OrchestratorStatus, Wav2Vec2Error | None]:
    """Start everything, wait until it is ready or fails, and stop it again."""
    system = build_system(settings)
    await system.orchestrator.start()
    try:
        await system.service.wait_ready()
    except Wav2Vec2Error as error:
        return system.orchestrator.status(), error
    else:
        return system.orchestrator.status(), None
    finally:
        await system.orchestrator.stop()


def _findings(settings: Settings, status: OrchestratorStatus) -> Table:
    table = Table(title="system", title_justify="left", show_header=False)
    adapter = status.adapters[0]
    if adapter.model is not None:
        model = adapter.model
        table.add_row("model", f"{model.name} ({model.source}, {model.parameters / 1e6:.1f} M)")
        table.add_row("runs on", f"{model.device}, {model.engine} {model.precision}")
    for choice in adapter.choices:
        table.add_row(f"  {choice.name}", "on this machine" if choice.ready else "not fetched")
    for worker in adapter.workers:
        table.add_row(f"worker {worker.role}", worker.state)
    if adapter.memory is not None:
        total, limit = adapter.memory.total_rss_bytes, settings.memory_limit_bytes
        table.add_row("memory", f"{total >> 20} MiB of {limit >> 20} MiB")
    assets = "found" if (assets_path() / "model").is_dir() else "[red]missing[/red]"
    table.add_row("assets", assets)
    for notice in adapter.notices:
        table.add_row("note", notice)
    return table

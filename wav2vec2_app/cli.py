"""The command line: ``wav2vec2-app serve | transcribe FILE… | align FILE TEXT | doctor``."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Sequence
from contextlib import aclosing
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from wav2vec2_app import __version__
from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.bridge.replay import replay as replay_frames
from wav2vec2_app.server.build import System, assets_path, build_system
from wav2vec2_app.server.events import Advanced, Done, Failed, Started
from wav2vec2_app.server.monitoring.logs import configure_logging
from wav2vec2_app.server.status import OrchestratorStatus
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options, subtitles
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Speech recognition around wav2vec2."
)
debug = typer.Typer(no_args_is_help=True, help="Tools for developers.")
app.add_typer(debug, name="debug")
out = Console()
err = Console(stderr=True)


class Output(str, Enum):
    """How ``transcribe`` and ``align`` print."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"


class Decoder(str, Enum):
    """What reads the emission."""

    AUTO = "auto"
    GREEDY = "greedy"
    BEAM = "beam"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
ModelOption = Annotated[str | None, typer.Option(help="auto, embedded, a name or a folder.")]


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
    from wav2vec2_app.server.serve import run

    run(_settings(host=host, port=port, model=model))


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Audio files.", show_default=False)],
    output: OutputOption = Output.TEXT,
    model: ModelOption = None,
    decoder: Annotated[
        Decoder,
        typer.Option(
            help="greedy: the likeliest letters. beam: words of a lexicon, weighed by a language "
            "model. auto: the beam for the embedded model and for hotwords."
        ),
    ] = Decoder.AUTO,
    beam_width: Annotated[
        int, typer.Option(help="Guesses kept at every step of the beam, 1 to 500.")
    ] = DEFAULT_OPTIONS.beam_width,
    lm_weight: Annotated[
        float, typer.Option(help="How much the language model counts, 0 to 10.")
    ] = DEFAULT_OPTIONS.lm_weight,
    word_score: Annotated[
        float, typer.Option(help="Added for every word, -10 to 10: above 0, more and shorter ones.")
    ] = DEFAULT_OPTIONS.word_score,
    hotwords: Annotated[
        str,
        typer.Option(help="Words or names to favour, with commas between them; @FILE reads them."),
    ] = "",
    hotword_boost: Annotated[
        float, typer.Option(help="How much they are favoured, 0 to 50.")
    ] = DEFAULT_OPTIONS.hotword_boost,
) -> None:
    """Transcribe audio files; results go to stdout, progress and errors to stderr."""
    settings = _settings(model=model, fetch_models=False, log_level="WARNING")
    configure_logging(settings.log_level, as_json=settings.log_json)
    try:
        listed = _text_of(Path(hotwords[1:])) if hotwords.startswith("@") else hotwords
        decoding = options.parse_options(
            decoder.value, beam_width, lm_weight, word_score, listed, hotword_boost
        )
    except InputError as error:
        _complain(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    tasks = [(file, AudioTask(_source(file), decoding=decoding)) for file in files]
    raise typer.Exit(1 if asyncio.run(_do(settings, tasks, output)) else 0)


@app.command()
def align(
    file: Annotated[Path, typer.Argument(help="An audio file.", show_default=False)],
    text: Annotated[Path, typer.Argument(help="A text file: what is said.", show_default=False)],
    output: OutputOption = Output.TEXT,
    model: ModelOption = None,
) -> None:
    """Say when each word of a text is spoken: start, end, score and word, a line each.

    Captions (srt, vtt) keep the text as it is written; json has every letter, too.
    """
    settings = _settings(model=model, fetch_models=False, log_level="WARNING")
    configure_logging(settings.log_level, as_json=settings.log_json)
    try:
        given = options.text_to_align(_text_of(text))
    except InputError as error:
        _complain(text.name, f"{error.message} {error.hint} ({error.code})")
        raise typer.Exit(2) from None
    task = AudioTask(_source(file), frozenset({Want.ALIGNMENT}), text=given)
    raise typer.Exit(1 if asyncio.run(_do(settings, [(file, task)], output)) else 0)


@debug.command()
def replay(
    folder: Annotated[
        Path, typer.Argument(help="Recorded frames of one request.", show_default=False)
    ],
) -> None:
    """Send the recorded frames of one request to fresh workers and compare the responses.

    Frames are recorded by every command while WAV2VEC2_RECORD_FOLDER names a folder.
    """
    configure_logging("WARNING")
    raise typer.Exit(asyncio.run(_replay(folder)))


async def _replay(folder: Path) -> int:
    """A line for each recorded request; 1 if one has another outcome than the recorded one."""
    differ = False
    try:
        async with aclosing(replay_frames(folder)) as outcomes:
            async for one in outcomes:
                differ |= not one.same
                print(
                    f"{one.role} {one.op}: {one.outcome} in {one.duration_s:.3f} s, "
                    + ("as recorded" if one.same else f"recorded: {one.recorded or 'no end'}")
                )
    except Wav2Vec2Error as error:
        _complain(folder.name, f"{error.message} {error.hint} ({error.code})")
        return 2
    return int(differ)


@app.command()
def doctor() -> None:
    """Say what is installed, which device and models there are, and whether workers can start."""
    settings = _settings(fetch_models=False, log_level="ERROR")
    configure_logging(settings.log_level, as_json=settings.log_json)
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


# --- transcribe, align ---


def _source(file: Path) -> AudioSource:
    return AudioSource(path=file, name=file.name)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file.name} cannot be read.",
            code="text.unreadable",
            hint="Give a text file in UTF-8.",
        ) from error


async def _do(settings: Settings, tasks: Sequence[tuple[Path, AudioTask]], output: Output) -> int:
    """Do each file's task in turn; returns how many failed."""
    system = build_system(settings)
    await system.orchestrator.start()
    failures = 0
    try:
        with _progress() as progress:
            for file, task in tasks:
                bar = progress.add_task(file.name, total=1.0, stage="waiting")
                try:
                    result = await _follow(system, task, progress, bar)
                except Wav2Vec2Error as error:
                    failures += 1
                    _print_error(file, error, output)
                else:
                    _print_result(file, task, result, output, many=len(tasks) > 1)
                progress.remove_task(bar)
    finally:
        await system.orchestrator.stop()
    return failures


async def _follow(system: System, task: AudioTask, progress: Progress, bar: TaskID) -> AudioResult:
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


def _print_result(
    file: Path, task: AudioTask, result: AudioResult, output: Output, *, many: bool
) -> None:
    transcript = result.transcript
    if result.alignment is not None:
        aligned = schema.alignment(result, task.text)
        _print_answer(
            file,
            aligned,
            subtitles.as_written(aligned.text, aligned.words),
            output,
            _lines(aligned),
        )
        return
    answer = schema.transcription(result, task.decoding)
    if transcript is not None and transcript.reason and output is not Output.JSON:
        _complain(file.name, f"nothing was said ({transcript.reason.replace('_', ' ')})")
    text = f"{file.name}: {answer.text}" if many else answer.text
    _print_answer(file, answer, answer.words, output, text)


def _print_answer(
    file: Path,
    answer: schema.TranscriptionResponse | schema.AlignmentResponse,
    words: Sequence[subtitles.Timed],
    output: Output,
    text: str,
) -> None:
    if output is Output.JSON:
        print(json.dumps({"file": file.name, **answer.json_dict()}, ensure_ascii=False))
    elif output is Output.TEXT:
        print(text)
    else:
        print((subtitles.to_srt if output is Output.SRT else subtitles.to_vtt)(words), end="")


def _lines(aligned: schema.AlignmentResponse) -> str:
    return "\n".join(
        f"{word.start:8.2f} {word.end:8.2f} {'   any' if word.wildcard else f'{word.score:6.0%}'}"
        f"  {word.text}"
        for word in aligned.words
    )


def _print_error(file: Path, error: Wav2Vec2Error, output: Output) -> None:
    if output is Output.JSON:
        print(json.dumps({"file": file.name, "error": error.public()}, ensure_ascii=False))
    _complain(file.name, f"{error.message} {error.hint} ({error.code})")


def _complain(subject: str, text: str) -> None:
    """One line on stderr; neither file names nor messages are taken for markup."""
    err.print(f"[red]{escape(subject)}:[/red] {escape(text)}", soft_wrap=True, highlight=False)


# --- doctor ---

PACKAGES = (
    "gradio",
    "openvino",
    "torch",
    "transformers",
    "matplotlib",
    "soundfile",
    "av",
    "soxr",
    "numpy",
)
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

"""Prints results to stdout, and problems and progress to stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from wav2vec2_app.cli.console import shows_unicode
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions

out = Console()
err = Console(stderr=True)


class OutputFormat(str, Enum):
    """Formats of a result."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"


class DescriptionFormat(str, Enum):
    """Formats of a description."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class OutputOptions:
    """How results are printed."""

    output: OutputFormat
    export: ExportOptions = DEFAULT_EXPORT


def progress_bars() -> Progress:
    """Bars with the stage of each file, on stderr."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


def print_result(
    file: Path, task: AudioTask, result: AudioResult, how: OutputOptions, *, many: bool
) -> None:
    """Print a transcript or an alignment; ``many`` puts the file's name before the text."""
    if result.alignment is not None:
        _print_alignment(file, schema.alignment(result, task.text), how)
        return
    if Want.DESCRIPTION in task.wants:
        _print_description(file, schema.description(result), how, many=many)
        return
    answer = schema.transcription(result, task.decoding, how.export.letter_case)
    if answer.reason and how.output is not OutputFormat.JSON:
        print_problem(file.name, f"no speech was found ({answer.reason.replace('_', ' ')})")
    text = answer.labelled_text
    text = f"{file.name}: {text}" if many else text
    _print(file, answer, answer.words, how, text)


def print_error(file: Path, error: Wav2Vec2Error, how: OutputOptions) -> None:
    """Print why a file failed."""
    if how.output is OutputFormat.JSON:
        print_json({"file": file.name, "error": error.public()})
    print_problem(file.name, f"{error.message} {error.hint} ({error.code})")


def print_problem(subject: str, text: str) -> None:
    """Print one line to stderr; markup in file names and messages is escaped."""
    err.print(f"[red]{escape(subject)}:[/red] {escape(text)}", soft_wrap=True, highlight=False)


def _print_alignment(file: Path, answer: schema.AlignmentResponse, how: OutputOptions) -> None:
    words = subtitles.as_written(answer.text, answer.words)
    _print(file, answer, words, how, "\n".join(map(_line, answer.words)))


def _print_description(
    file: Path, answer: schema.DescriptionResponse, how: OutputOptions, *, many: bool
) -> None:
    """Print the description, if there is one, and the transcript."""
    for problem in answer.problems:
        error = problem.error
        print_problem(file.name, f"{error.message} {error.hint} ({error.code})")
    described = f"Description: {answer.description.answer}\n" if answer.description else ""
    name = f"{file.name}\n" if many else ""
    _print(file, answer, answer.words, how, f"{name}{described}Transcript: {answer.text}")


def _print(
    file: Path,
    answer: schema.TranscriptionResponse | schema.AlignmentResponse,
    words: Sequence[subtitles.TimedText],
    how: OutputOptions,
    text: str,
) -> None:
    if how.output is OutputFormat.JSON:
        print_json({"file": file.name, **answer.json_dict()})
    elif how.output is OutputFormat.TEXT:
        print(text)
    else:
        to_text = subtitles.to_srt if how.output is OutputFormat.SRT else subtitles.to_vtt
        print(to_text(words, how.export), end="")


def print_json(value: Mapping[str, object]) -> None:
    """Print one line of JSON to stdout."""
    print(json.dumps(value, ensure_ascii=not shows_unicode()))


def _line(word: schema.AlignedWordJson) -> str:
    score = "   any" if word.wildcard else f"{word.score:6.0%}"
    return f"{word.start:8.2f} {word.end:8.2f} {score}  {word.text}"

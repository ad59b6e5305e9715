"""Prints results to stdout, and problems and progress to stderr."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult, AudioTask
from wav2vec2_app.speech import subtitles

out = Console()
err = Console(stderr=True)


class Output(str, Enum):
    """Formats of a result."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"


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
    file: Path, task: AudioTask, result: AudioResult, output: Output, *, many: bool
) -> None:
    """Print a transcript or an alignment; ``many`` puts the file's name before the text."""
    if result.alignment is not None:
        _print_alignment(file, schema.alignment(result, task.text), output)
        return
    answer = schema.transcription(result, task.decoding)
    if answer.reason and output is not Output.JSON:
        print_problem(file.name, f"no speech was found ({answer.reason.replace('_', ' ')})")
    text = answer.labelled_text
    text = f"{file.name}: {text}" if many else text
    _print(file, answer, answer.words, output, text)


def print_error(file: Path, error: Wav2Vec2Error, output: Output) -> None:
    """Print why a file failed."""
    if output is Output.JSON:
        print(json.dumps({"file": file.name, "error": error.public()}, ensure_ascii=False))
    print_problem(file.name, f"{error.message} {error.hint} ({error.code})")


def print_problem(subject: str, text: str) -> None:
    """Print one line to stderr; markup in file names and messages is escaped."""
    err.print(f"[red]{escape(subject)}:[/red] {escape(text)}", soft_wrap=True, highlight=False)


def _print_alignment(file: Path, answer: schema.AlignmentResponse, output: Output) -> None:
    words = subtitles.as_written(answer.text, answer.words)
    _print(file, answer, words, output, "\n".join(map(_line, answer.words)))


def _print(
    file: Path,
    answer: schema.TranscriptionResponse | schema.AlignmentResponse,
    words: Sequence[subtitles.TimedText],
    output: Output,
    text: str,
) -> None:
    if output is Output.JSON:
        print(json.dumps({"file": file.name, **answer.json_dict()}, ensure_ascii=False))
    elif output is Output.TEXT:
        print(text)
    else:
        print((subtitles.to_srt if output is Output.SRT else subtitles.to_vtt)(words), end="")


def _line(word: schema.AlignedWordJson) -> str:
    score = "   any" if word.wildcard else f"{word.score:6.0%}"
    return f"{word.start:8.2f} {word.end:8.2f} {score}  {word.text}"

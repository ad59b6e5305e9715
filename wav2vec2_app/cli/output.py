"""Prints results to stdout, and problems and progress to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from wav2vec2_app.cli.console import shows_unicode
from wav2vec2_app.cli.output_folder import OutputFolder
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.exports import EXPORT_FORMAT, ExportDocument, ExportedFile, exported

out = Console()
err = Console(stderr=True)


class DescriptionFormat(str, Enum):
    """Formats of a description."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class OutputOptions:
    """How results are printed, or saved.

    Attributes:
        formats: names of export formats; several only with a folder.
        export: how they are written.
        folder: where files are saved; ``None`` prints results.
    """

    formats: tuple[str, ...] = ("text",)
    export: ExportOptions = DEFAULT_EXPORT
    folder: OutputFolder | None = None

    @property
    def output(self) -> str:
        """The format that is printed."""
        return self.formats[0]


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
        answer = schema.alignment(result, task.text)
        _put_out(
            answer, schema.alignment_document(answer, file.name), how, label="", file=file.name
        )
        return
    if Want.DESCRIPTION in task.wants:
        _print_description(file, schema.description(result), how, many=many)
        return
    transcript = schema.transcription(result, task.decoding, how.export)
    if transcript.reason and how.output != "json":
        print_problem(file.name, f"no speech was found ({transcript.reason.replace('_', ' ')})")
    for problem in transcript.problems:
        _print_problem(file, problem)
    document = schema.transcript_document(transcript, file.name)
    _put_out(transcript, document, how, label=f"{file.name}: " if many else "", file=file.name)


def print_error(file: Path, error: Wav2Vec2Error, how: OutputOptions) -> None:
    """Print why a file failed."""
    if how.output == "json":
        print_json({"file": file.name, "error": error.public()})
    print_problem(file.name, f"{error.message} {error.hint} ({error.code})")


def print_problem(subject: str, text: str) -> None:
    """Print one line to stderr; markup in file names and messages is escaped."""
    err.print(f"[red]{escape(subject)}:[/red] {escape(text)}", soft_wrap=True, highlight=False)


def _print_problem(file: Path, problem: schema.ProblemJson) -> None:
    error = problem.error
    print_problem(file.name, f"{error.message} {error.hint} ({error.code})")


def _print_description(
    file: Path, answer: schema.DescriptionResponse, how: OutputOptions, *, many: bool
) -> None:
    """Print the description, if there is one, and the transcript."""
    for problem in answer.problems:
        _print_problem(file, problem)
    described = f"Description: {answer.description.answer}\n" if answer.description else ""
    name = f"{file.name}\n" if many else ""
    if how.output == "json":
        print_json({"file": file.name, **answer.json_dict()})
    else:
        print(f"{name}{described}Transcript: {answer.text}")


def _put_out(
    answer: schema.TranscriptionResponse | schema.AlignmentResponse,
    document: ExportDocument,
    how: OutputOptions,
    *,
    label: str,
    file: str,
) -> None:
    """Save the files of a result, or print it; JSON is printed in one line with the file's name."""
    files = (exported(document, EXPORT_FORMAT[name], how.export) for name in how.formats)
    if how.folder is not None:
        for one in files:
            err.print(escape(str(how.folder.save(one))), soft_wrap=True, highlight=False)
    elif how.output == "json":
        print_json({"file": file, **answer.json_dict()})
    else:
        _print_file(next(files), label if how.output == "text" else "")


def _print_file(file: ExportedFile, label: str) -> None:
    if file.media_type.startswith("text/"):
        print(f"{label}{file.content.decode()}", end="")
    else:
        sys.stdout.buffer.write(file.content)
        sys.stdout.buffer.flush()


def print_json(value: Mapping[str, object]) -> None:
    """Print one line of JSON to stdout."""
    print(json.dumps(value, ensure_ascii=not shows_unicode()))

"""The results of a batch as one ZIP file, with a summary as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.batches.records import BatchOptions
from wav2vec2_app.server.batches.store import BatchStore, Result
from wav2vec2_app.server.schema import ErrorJson, TranscriptionResponse
from wav2vec2_app.server.storage.errors import translated
from wav2vec2_app.server.storage.files import FILE_FORMATS, respelled
from wav2vec2_app.server.storage.names import FileNames, safe_path
from wav2vec2_app.speech.channels import voice_of
from wav2vec2_app.speech.export_options import ExportOptions

SUMMARY: Final = "summary.csv"
COLUMNS: Final = (
    "file", "state", "output", "duration_s", "confidence", "model", "text", "error", "reason", "hint",
    "speakers",
)  # fmt: skip
BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it, spreadsheets read UTF-8 as something else."""


@dataclass(frozen=True)
class SummaryRow:
    """One row of the summary.

    Attributes:
        output: name of the result's files without an ending.
        error, reason, hint: why the file failed, or why a result has no speakers.
        speakers: how many there are, or channels; ``None`` if they were not labelled.
    """

    file: str
    state: str
    output: str = ""
    duration_s: float | None = None
    confidence: float | None = None
    model: str = ""
    text: str = ""
    error: str = ""
    reason: str = ""
    hint: str = ""
    speakers: int | None = None


def done_row(file: str, stem: str, answer: TranscriptionResponse) -> SummaryRow:
    """The row of a file that was transcribed."""
    voices = {voice_of(word) for word in answer.words} - {""}
    problem = answer.problems[0].error if answer.problems else None
    return SummaryRow(
        file, "done", stem, answer.duration_s, answer.confidence, answer.model.name,
        answer.labelled_text,
        error=problem.code if problem else "",
        reason=problem.message if problem else "",
        hint=problem.hint if problem else "",
        speakers=len(voices) or None,
    )  # fmt: skip


def failed_row(file: str, error: ErrorJson | Wav2Vec2Error) -> SummaryRow:
    """The row of a file that failed."""
    return SummaryRow(file, "failed", error=error.code, reason=error.message, hint=error.hint)


def summary(rows: Sequence[SummaryRow]) -> str:
    """The summary as CSV."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(row, name)) for name in COLUMNS] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def _cell(value: object) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = " ".join(("" if value is None else str(value)).split())
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


async def archived(store: BatchStore, owner: str, batch: str) -> tuple[str, Path]:
    """The name of a batch, and a temporary ZIP file with its results so far.

    Raises:
        InputError: ``batch.not_found``.
        ResourceError: ``storage.…``; nothing is left behind.
    """
    name, options, results = await store.results(owner, batch)
    path = await asyncio.to_thread(_write, options, results)
    return safe_path(name).replace("/", " ") if name else "transcripts", path


def _write(options: BatchOptions, results: Sequence[Result]) -> Path:
    with translated(), ExitStack() as undo:
        handle, name = tempfile.mkstemp(prefix="wav2vec2-", suffix=".zip")
        os.close(handle)
        path = Path(name)
        undo.callback(path.unlink, missing_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, content in members(options.export, results):
                archive.writestr(file, content)
        undo.pop_all()
        return path


def members(export: ExportOptions, results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """The names and contents of the files in the ZIP file; the summary is the last one."""
    names, rows = FileNames({SUMMARY}), []
    for file, found in results:
        error = file.error
        row = SummaryRow(file.name, file.state)
        if found is not None:
            answer, stem = respelled(found, export.letter_case), names.stem_for(file.name)
            for kind in FILE_FORMATS.values():
                yield f"{stem}.{kind.ending}", kind.write(answer, export)
            row = done_row(file.name, stem, answer)
        elif error is not None:
            row = failed_row(file.name, error)
        rows.append(row)
    yield SUMMARY, summary(rows)

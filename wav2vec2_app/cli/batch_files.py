"""``wav2vec2-app batch``: transcribes folders and patterns of files; continues where it stopped."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wav2vec2_app.cli.inputs import files_of, no_files
from wav2vec2_app.cli.output import err, out, print_problem
from wav2vec2_app.errors import Wav2Vec2Error, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.batches.archive import (
    SUMMARY,
    SummaryRow,
    done_row,
    failed_row,
    summary,
)
from wav2vec2_app.server.batches.records import BatchOptions
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.storage.files import FileFormat, format_of
from wav2vec2_app.server.storage.names import FileNames, safe_path
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

JOURNAL: Final = "batch.jsonl"
"""What was done in the folder of results: one line for each finished file."""


@dataclass(frozen=True)
class FoundFile:
    """A file to be transcribed; ``name`` is what it is called in the results."""

    path: Path
    name: str

    def fingerprint(self, options: str) -> str:
        """Changes with the file, and with how it is transcribed and written; empty if there is no file."""
        try:
            about = self.path.stat()
        except OSError:
            return ""  # the audio worker reports what is wrong with the file
        facts = f"{self.path.resolve()}\n{about.st_size}\n{about.st_mtime_ns}\n{options}"
        return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:32]


@dataclass(frozen=True)
class BatchJob:
    """One call of the command."""

    files: Sequence[FoundFile]
    folder: Path
    options: BatchOptions
    formats: Sequence[str]
    model: str

    @property
    def written_as(self) -> str:
        """How files are transcribed and written, as text."""
        return f"{self.model} {self.options.to_json()} {','.join(self.formats)}"


def find_files(patterns: Sequence[str]) -> list[FoundFile]:
    """Files, files of folders (those with the endings of audio and video), and what patterns match.

    Raises:
        InputError: ``batch.no_files``: a file, folder or pattern finds nothing.
    """
    found: dict[Path, FoundFile] = {}
    for pattern in patterns:
        matches = list(_matches(pattern))
        if not matches:
            raise no_files(pattern)
        for one in matches:
            found.setdefault(one.path.resolve(), one)
    return list(found.values())


def _matches(pattern: str) -> Iterator[FoundFile]:
    path = Path(pattern)
    if path.is_dir():
        yield from _files_of(path)
    elif path.is_file():
        yield FoundFile(path, path.name)
    else:
        for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - absolute ones, too
            if Path(name).is_file():
                yield FoundFile(Path(name), _relative(name, pattern))


def _files_of(folder: Path) -> Iterator[FoundFile]:
    for path in files_of(folder):
        yield FoundFile(path, path.relative_to(folder).as_posix())


def _relative(name: str, pattern: str) -> str:
    """``name`` below the fixed beginning of a pattern."""
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(name).relative_to(Path(*parts[:fixed])).as_posix() if fixed else name


async def run_batch(settings: Settings, job: BatchJob) -> int:
    """Transcribe what is not done yet and write the results; returns how many files failed."""
    job.folder.mkdir(parents=True, exist_ok=True)
    done = _read_journal(job.folder / JOURNAL)
    system = build_system(settings)
    await system.orchestrator.start()
    try:
        with _bar() as progress:
            rows = await _run(system.orchestrator, job, done, progress)
    finally:
        await system.orchestrator.stop()
    _write(job.folder / SUMMARY, summary(rows))
    failed = sum(row.state == "failed" for row in rows)
    out.print(f"{len(rows) - failed} done, {failed} failed: {job.folder / SUMMARY}", soft_wrap=True)
    return failed


async def _run(
    orchestrator: ModelOrchestrator,
    job: BatchJob,
    done: Mapping[str, SummaryRow],
    progress: Progress,
) -> list[SummaryRow]:
    bar = progress.add_task("", total=len(job.files))
    names, rows = FileNames({SUMMARY, JOURNAL}), []
    for file in job.files:
        stem = names.stem_for(safe_path(file.name))
        progress.update(bar, description=file.name)
        row = await _row(orchestrator, job, done, file, stem)
        rows.append(row)
        progress.advance(bar)
    return rows


async def _row(
    orchestrator: ModelOrchestrator,
    job: BatchJob,
    done: Mapping[str, SummaryRow],
    file: FoundFile,
    stem: str,
) -> SummaryRow:
    """The result of a file: what an earlier call wrote, or a new one."""
    try:
        fingerprint = file.fingerprint(job.written_as)
        formats = [format_of(name) for name in job.formats]
        earlier = done.get(fingerprint)
        if earlier is not None and earlier.output == stem and _are_there(job.folder, stem, formats):
            return earlier
        answer = await _transcribed(orchestrator, job.options, file)
        _write_files(job, stem, formats, answer)
    except (Wav2Vec2Error, OSError) as failure:
        error = translate(failure)
        print_problem(file.name, f"{error.message} {error.hint} ({error.code})")
        return failed_row(file.name, error)
    row = done_row(file.name, stem, answer)
    if row.error:  # it has no speakers; a later call tries again
        print_problem(file.name, f"{row.reason} {row.hint} ({row.error})")
    else:
        _note(job.folder / JOURNAL, fingerprint, row)
    return row


async def _transcribed(
    orchestrator: ModelOrchestrator, options: BatchOptions, file: FoundFile
) -> schema.TranscriptionResponse:
    task = AudioTask(
        AudioSource(path=file.path, name=file.path.name),
        options.wants,
        model=options.model,
        decoding=options.decoding,
        audio_options=options.audio,
    )
    result = await orchestrator.run(task)
    return schema.transcription(result, options.decoding, options.export)


# --- files --------------------------------------------------------------------------------------


def _are_there(folder: Path, stem: str, formats: Iterable[FileFormat]) -> bool:
    return all((folder / f"{stem}.{one.ending}").is_file() for one in formats)


def _write_files(
    job: BatchJob, stem: str, formats: Iterable[FileFormat], answer: schema.TranscriptionResponse
) -> None:
    for one in formats:
        path = job.folder / f"{stem}.{one.ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, one.write(answer, job.options.export))


def _write(path: Path, text: str) -> None:
    """Write a file completely or not at all; bytes of a name beyond UTF-8 become escapes."""
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(text, "utf-8", errors="backslashreplace", newline="")
    partial.replace(path)


def _note(journal: Path, fingerprint: str, row: SummaryRow) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"fingerprint": fingerprint, **asdict(row)}) + "\n")


def _read_journal(journal: Path) -> dict[str, SummaryRow]:
    """What earlier calls did; a last line that was cut off is ignored."""
    found: dict[str, SummaryRow] = {}
    if not journal.is_file():
        return found
    for line in journal.read_text("utf-8", errors="replace").splitlines():
        row = _parsed(line)
        if row is not None:
            found[row[0]] = row[1]
    return found


def _parsed(line: str) -> tuple[str, SummaryRow] | None:
    try:
        facts = json.loads(line)
        return facts.pop("fingerprint"), SummaryRow(**facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _bar() -> Progress:
    return Progress(
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=err,
        transient=True,
    )

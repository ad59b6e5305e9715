"""The command `batch`: which files it finds, what it writes, and that it continues where it stopped."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.doubles import FakeAdapter, make_policy
from wav2vec2_app.cli import app
from wav2vec2_app.cli import batch_files as module
from wav2vec2_app.cli.batch_files import JOURNAL, BatchJob, find_files, run_batch
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.batches.records import BatchOptions
from wav2vec2_app.server.build import System
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.service import speaker_extra
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.options import parse_options

command = sys.modules["wav2vec2_app.cli.batch"]  # the package has the function of this name


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    folder = tmp_path / "talks"
    for name in ("b.wav", "a.mp3", "sub/a.mp3", "notes.txt", "sub/[x].flac", "CLIP.MP4"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
    return folder


def test_folder_gives_its_audio_files(talks: Path) -> None:
    names = [one.name for one in find_files([str(talks)])]

    assert names == ["CLIP.MP4", "a.mp3", "b.wav", "sub/[x].flac", "sub/a.mp3"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.mp3", ["a.mp3"]),
        ("**/*.mp3", ["a.mp3", "sub/a.mp3"]),
        ("notes.txt", ["notes.txt"]),
        ("sub/[x].flac", ["[x].flac"]),
        ("s*", []),
    ],
)
def test_patterns_and_names_find_files(talks: Path, pattern: str, found: list[str]) -> None:
    if not found:
        with pytest.raises(InputError) as caught:
            find_files([str(talks / pattern)])
        assert caught.value.code == "batch.no_files"
        return
    assert [one.name for one in find_files([str(talks / pattern)])] == found


def test_file_that_is_named_twice_is_found_once(talks: Path) -> None:
    assert len(find_files([str(talks), str(talks / "a.mp3"), str(talks / "*.mp3")])) == 5


class Runs:
    """Calls of the command over one fake model."""

    def __init__(self, adapter: FakeAdapter, folder: Path, files: Path) -> None:
        self.adapter, self.folder, self.files = adapter, folder, files

    async def run(self, options: BatchOptions = BatchOptions(), formats: str = "text srt") -> int:  # noqa: B008
        files = find_files([str(self.files)])
        job = BatchJob(files, self.folder, options, formats.split(), "auto")
        return await run_batch(Settings(), job)

    @property
    def transcribed(self) -> int:
        return self.adapter.count(Operation.TRANSCRIBE)

    def summary(self) -> dict[str, dict[str, str]]:
        with (self.folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
            return {row["file"]: row for row in csv.DictReader(file)}


@pytest.fixture
def runs(
    monkeypatch: pytest.MonkeyPatch, adapter: FakeAdapter, tmp_path: Path, talks: Path
) -> Runs:
    def build(settings: Settings) -> System:
        orchestrator = ModelOrchestrator([adapter], make_policy())
        return System(settings, orchestrator, None, orchestrator.events)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "build_system", build)
    return Runs(adapter, tmp_path / "results", talks)


async def test_each_file_gets_its_results_and_a_row(runs: Runs) -> None:
    assert await runs.run() == 0

    written = sorted(
        path.relative_to(runs.folder).as_posix() for path in runs.folder.rglob("*.txt")
    )
    assert written == ["CLIP.txt", "a.txt", "b.txt", "sub/[x].txt", "sub/a.txt"]
    assert (runs.folder / "b.txt").read_text("utf-8") == "b\n"
    assert "-->" in (runs.folder / "b.srt").read_text("utf-8")
    assert {row["state"] for row in runs.summary().values()} == {"done"}


async def test_failures_are_reasons_and_are_tried_again(runs: Runs) -> None:
    runs.adapter.fail(Operation.DECODE_AUDIO, InputError("Broken.", code="audio.broken"))

    assert await runs.run() == 1
    assert runs.summary()["CLIP.MP4"]["error"] == "audio.broken"
    before = runs.transcribed

    assert await runs.run() == 0
    assert runs.transcribed == before + 1


async def test_second_call_does_nothing_twice(runs: Runs) -> None:
    await runs.run()
    first, before = runs.summary(), runs.transcribed

    assert await runs.run() == 0

    assert runs.transcribed == before
    assert runs.summary() == first


async def test_interrupted_call_is_continued(runs: Runs) -> None:
    await runs.run()
    journal = runs.folder / JOURNAL
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:3]) + lines[3][:20], "utf-8")  # killed while it wrote
    before = runs.transcribed

    await runs.run()

    assert runs.transcribed == before + 2
    assert len(runs.summary()) == 5


async def test_changed_files_options_and_lost_results_are_done_again(runs: Runs) -> None:
    await runs.run()
    done = runs.transcribed
    (runs.files / "a.mp3").write_bytes(b"RIFF and more")
    (runs.folder / "b.txt").unlink()

    await runs.run()
    assert runs.transcribed == done + 2
    await runs.run(BatchOptions(decoding=parse_options(decoder="beam")))
    assert runs.transcribed == done + 2 + 5


async def test_file_that_has_gone_is_a_reason(runs: Runs) -> None:
    files = find_files([str(runs.files)])
    os.remove(files[0].path)  # noqa: PTH107 - as other programs do
    runs.adapter.fail(Operation.PROBE, InputError("Gone.", code="audio.unreadable"))
    job = BatchJob(files, runs.folder, BatchOptions(), ["text"], "auto")

    assert await run_batch(Settings(), job) == 1
    assert runs.summary()[files[0].name]["error"] == "audio.unreadable"


async def test_speakers_are_in_files_and_in_the_summary(runs: Runs) -> None:
    runs.adapter.speakers = 2
    await runs.run()
    assert {row["speakers"] for row in runs.summary().values()} == {""}

    await runs.run(BatchOptions(diarize=True))  # other options: everything is done again

    assert (runs.folder / "b.txt").read_text("utf-8") == "Speaker 1: b\n"
    assert {row["speakers"] for row in runs.summary().values()} == {"1"}


async def test_file_without_its_speakers_is_tried_again(runs: Runs) -> None:
    broken = ModelError("No speakers.", code="speakers.broken", hint="Install it again.")
    runs.adapter.fail(Operation.LABEL_SPEAKERS, broken)
    labelled = BatchOptions(diarize=True)
    await runs.run(labelled)
    assert [row["error"] for row in runs.summary().values()].count("speakers.broken") == 1
    done = runs.transcribed

    await runs.run(labelled)

    assert runs.transcribed == done + 1
    assert {row["error"] for row in runs.summary().values()} == {""}


def test_command_labels_speakers_only_where_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, talks: Path
) -> None:
    jobs: list[BatchJob] = []

    async def run(_: Settings, job: BatchJob) -> int:
        jobs.append(job)
        return 0

    monkeypatch.setattr(command, "run_batch", run)
    arguments = ["batch", str(talks), "--speakers"]
    monkeypatch.setattr(speaker_extra, "find_spec", lambda _: object())
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert jobs[0].options.diarize

    monkeypatch.setattr(speaker_extra, "find_spec", lambda _: None)
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2
    assert "speakers.extra_missing" in answer.output
    assert CliRunner().invoke(app, arguments[:2]).exit_code == 0
    assert [job.options.diarize for job in jobs] == [True, False]


async def test_name_that_is_not_utf_8_is_in_the_summary(runs: Runs) -> None:
    (runs.files / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"RIFF")

    assert await runs.run() == 0

    assert runs.summary()[r"caf\udce9.wav"]["state"] == "done"

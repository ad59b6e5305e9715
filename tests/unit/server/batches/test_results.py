"""New batches and their results: names, limits, the ZIP file and its summary."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles import FakeAdapter
from tests.unit.server.batches.conftest import ANNA, Open
from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server.batches.archive import COLUMNS, SUMMARY, SummaryRow, archived, summary
from wav2vec2_app.server.batches.records import MAX_BATCHES, BatchBounds, BatchOptions, NewFile
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.storage.names import FileNames, safe_path

BROKEN = InputError("Not audio.", code="audio.broken", hint="Convert it.")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


async def test_one_archive_has_all_results_and_all_reasons(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.DECODE_AUDIO, BROKEN)
    batches = await open_batches()
    names = ["bad.wav", "talk.wav", "talk.wav", "sub/talk.mp3", "../../etc/passwd", "TALK.flac"]
    batch = await batches.send(*names)
    await batches.finished(batch)

    name, path = await archived(batches.store, ANNA, batch)

    archive = zipfile.ZipFile(path)
    texts = [one for one in archive.namelist() if one.endswith(".txt")]
    assert name == "a batch"
    assert texts == ["talk.txt", "talk (2).txt", "sub/talk.txt", "etc/passwd.txt", "TALK (3).txt"]
    assert len(archive.namelist()) == 4 * 5 + 1
    rows = rows_of(archive.read(SUMMARY).decode())
    assert [row["file"] for row in rows] == ["bad.wav", *names[1:4], "etc/passwd", "TALK.flac"]
    assert [row["state"] for row in rows] == ["failed", *["done"] * 5]
    assert (rows[0]["error"], rows[0]["reason"]) == ("audio.broken", "Not audio.")
    assert [f"{row['output']}.txt" for row in rows[1:]] == texts
    assert archive.testzip() is None
    path.unlink()


async def test_archive_of_an_unfinished_batch_has_what_is_there(open_batches: Open) -> None:
    batches = await open_batches(run=False)
    batch = await batches.send("a.wav")

    _, path = await archived(batches.store, ANNA, batch)

    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [SUMMARY]
        assert [row["state"] for row in rows_of(archive.read(SUMMARY).decode())] == ["waiting"]
    path.unlink()


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_no_cell_of_the_summary_is_a_formula(text: str) -> None:
    [row] = rows_of(summary([SummaryRow(text, "done", text=text)]))

    assert row["file"] == row["text"] == f"'{text}"


@pytest.mark.parametrize("text", ['a,"b"', "a\nb", "<b>", "ä; ö", "", "'"])
def test_any_text_comes_back_from_the_summary(text: str) -> None:
    [row] = rows_of(summary([SummaryRow("a.wav", "done", text=text)]))

    assert row["text"] == " ".join(text.split())
    assert set(row) == set(COLUMNS)


# --- names --------------------------------------------------------------------------------------

PATHS = {
    "talk.wav": "talk.wav",
    "folder/talk.wav": "folder/talk.wav",
    "../talk.wav": "talk.wav",
    "/etc/passwd": "etc/passwd",
    "C:\\Users\\a\\talk.wav": "Users/a/talk.wav",
    "\\\\server\\share\\x.wav": "server/share/x.wav",
    "a/../../b.wav": "a/b.wav",
    "a\x00b\nc.wav": "a b c.wav",
    "CON.wav": "_CON.wav",
    "nul": "_nul",
    "...": "recording",
    "": "recording",
    "  .. / .. ": "recording",
    "<script>.wav": "script .wav",
    "a\ud800.wav": "a .wav",
    "~/x.wav": "~/x.wav",
    "ünï.wav": "ünï.wav",
}


@pytest.mark.parametrize(("name", "safe"), PATHS.items())
def test_names_stay_in_their_folder(name: str, safe: str) -> None:
    assert safe_path(name) == safe
    assert ".." not in Path(safe).parts
    assert not Path(safe).is_absolute()


def variations() -> Iterator[str]:
    for part in ("..", ".", "", "a", "CON", "x" * 300, "\u202e", "..\x00"):
        for separator in ("/", "\\", "//", "/./", "\\..\\"):
            yield f"{part}{separator}..{separator}{part}.wav"
            yield f"{separator}{part}{separator}b"


@pytest.mark.parametrize("name", sorted(set(variations())))
def test_no_name_leaves_the_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{FileNames().stem_for(name)}.txt"

    assert path.resolve().is_relative_to(tmp_path.resolve())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("possible on this system")


def test_no_two_files_have_one_name() -> None:
    names = FileNames()

    found = [names.stem_for(one) for one in ("a.wav", "A.wav", "a.mp3", "a (2).wav", "b/a.wav")]

    assert found == ["a", "A (2)", "a (3)", "a (2) (2)", "b/a"]


# --- limits -------------------------------------------------------------------------------------


async def code_of(work: object) -> str:
    with pytest.raises(Wav2Vec2Error) as caught:
        await work  # type: ignore[misc]
    return caught.value.code


async def test_limits_of_a_batch(open_batches: Open) -> None:
    store = (await open_batches(run=False, policy=BatchBounds(max_files=1000))).store
    thousand = [NewFile("talk.wav", 1) for _ in range(1000)]

    batch = await store.create(ANNA, "", BatchOptions(), thousand)

    assert (await store.get(ANNA, batch, 0, {})).counts.missing == 1000
    assert await code_of(store.create(ANNA, "", BatchOptions(), [])) == "batch.empty"
    more = [*thousand, NewFile("one more.wav", 1)]
    assert await code_of(store.create(ANNA, "", BatchOptions(), more)) == "batch.too_many_files"


async def test_disk_for_uploads_is_bounded(open_batches: Open) -> None:
    batches = await open_batches(run=False, policy=BatchBounds(limit_bytes=10))
    await batches.send("a.wav", "b.wav")  # 8 bytes

    assert await code_of(batches.send("c.wav")) == "batch.full"
    assert len(batches.uploads()) == 2


async def test_number_of_batches_is_bounded(open_batches: Open) -> None:
    store = (await open_batches(run=False)).store
    for _ in range(MAX_BATCHES):
        await store.create(ANNA, "", BatchOptions(), [NewFile("a.wav", 1)])

    assert (
        await code_of(store.create(ANNA, "", BatchOptions(), [NewFile("a.wav", 1)]))
        == "batch.too_many"
    )


async def test_file_is_sent_once(open_batches: Open) -> None:
    batches = await open_batches(run=False)
    batch = await batches.send("a.wav")

    assert await code_of(batches.upload(batch, 1)) == "batch.file_sent"
    assert await code_of(batches.upload(batch, 2)) == "batch.not_found"
    assert batches.uploads() == [f"{batch}/1"]


def test_options_of_a_batch_are_read_as_they_were_written() -> None:
    from wav2vec2_app.speech.audio import parse_audio_options
    from wav2vec2_app.speech.export_options import parse_export
    from wav2vec2_app.speech.options import parse_options

    options = BatchOptions(
        "a/b",
        parse_options(decoder="beam", hotwords=["Okonkwo", "Szczecin"], beam_width=7),
        parse_audio_options("2", "separate"),
        parse_export(letter_case="raw", max_lines=1),
    )

    assert BatchOptions.from_json(options.to_json()) == options

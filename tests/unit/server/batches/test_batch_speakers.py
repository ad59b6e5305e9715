"""Speaker labels of batches: in every file of the archive, after a restart, and where they are missing."""

from __future__ import annotations

import csv
import io
import json
import zipfile

from tests.doubles import FakeAdapter
from tests.unit.server.batches.conftest import ANNA, Batches, Open
from wav2vec2_app.errors import ModelError
from wav2vec2_app.server.batches.archive import SUMMARY, archived
from wav2vec2_app.server.batches.records import BatchOptions
from wav2vec2_app.server.operations import Operation

LABELLED = BatchOptions(diarize=True)


async def archive_of(batches: Batches, batch: str) -> dict[str, str]:
    _, path = await archived(batches.store, ANNA, batch)
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    path.unlink()
    return found


def rows_of(archive: dict[str, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive[SUMMARY].removeprefix("\ufeff"))))


async def test_every_file_of_the_archive_has_the_speakers(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    adapter.speakers = 2
    batches = await open_batches()
    batch = await batches.send("good morning.wav", options=LABELLED)
    found = await batches.finished(batch)

    archive = await archive_of(batches, batch)

    assert found.files[0].text == "good morning"
    assert archive["good morning.txt"] == "Speaker 1: good\nSpeaker 2: morning\n"
    assert "Speaker 2: morning" in archive["good morning.srt"]
    assert "<v Speaker 2>morning" in archive["good morning.vtt"]
    words = json.loads(archive["good morning.json"])["words"]
    assert [word["speaker"] for word in words] == ["Speaker 1", "Speaker 2"]
    [row] = rows_of(archive)
    assert (row["speakers"], row["error"]) == ("2", "")
    assert row["text"] == "Speaker 1: good Speaker 2: morning"


async def test_speakers_are_labelled_only_where_that_was_chosen(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    batches = await open_batches()
    batch = await batches.send("good morning.wav")
    await batches.finished(batch)

    archive = await archive_of(batches, batch)

    assert adapter.count(Operation.LABEL_SPEAKERS) == 0
    assert archive["good morning.txt"] == "good morning\n"
    assert rows_of(archive)[0]["speakers"] == ""


async def test_file_whose_speakers_cannot_be_labelled_has_its_transcript_and_the_reason(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    broken = ModelError("No speakers.", code="speakers.broken", hint="Install it again.")
    adapter.fail(Operation.LABEL_SPEAKERS, broken)
    batches = await open_batches()
    batch = await batches.send("one word.wav", "two words.wav", options=LABELLED)
    found = await batches.finished(batch)

    archive = await archive_of(batches, batch)

    assert found.counts.done == 2
    assert archive["one word.txt"] == "one word\n"
    first, second = rows_of(archive)
    assert (first["state"], first["error"], first["hint"]) == (
        "done", "speakers.broken", "Install it again.",
    )  # fmt: skip
    assert (first["speakers"], second["speakers"], second["error"]) == ("", "1", "")


async def test_restarted_server_still_labels_the_speakers(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    first = await open_batches(run=False)
    batch = await first.send("good morning.wav", options=LABELLED)
    await first.runner.stop()

    second = await open_batches()
    await second.finished(batch)

    assert adapter.count(Operation.LABEL_SPEAKERS) == 1


def test_options_are_stored_as_before_without_speakers() -> None:
    """Results of earlier calls of the command stay valid, and batches of earlier versions can be read."""
    plain = BatchOptions()

    assert "diarize" not in plain.to_json()
    assert BatchOptions.from_json(plain.to_json()) == plain
    assert BatchOptions.from_json(LABELLED.to_json()) == LABELLED
    assert LABELLED.to_json() != plain.to_json()

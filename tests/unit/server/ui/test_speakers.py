"""Speakers on the page: the option, labelled words as data, and names in files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.doubles import FakeAdapter, make_policy, make_recognition
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import endpoint_options, endpoints, export_handlers, handlers
from wav2vec2_app.server.ui.edited_words import parse_words
from wav2vec2_app.server.ui.options_panel import defaults
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.speech.channels import merged

SESSION = "tab"


async def transcribed(
    adapter: FakeAdapter, *settings: object
) -> tuple[ModelOrchestrator, Tabs, dict[str, object]]:
    """A tab after a transcription with the track, the channels and whether speakers are labelled."""
    adapter.speakers = 2
    orchestrator = ModelOrchestrator([adapter], make_policy(cache_bytes=10_000_000))
    await orchestrator.start()
    tabs, page = Tabs(), {}
    async for update in handlers.transcribe(
        orchestrator, tabs, "hello world.wav", "auto", SESSION, *defaults(), *settings
    ):
        page |= update
    return orchestrator, tabs, page


def rows(page: dict[str, object]) -> list[list[object]]:
    text = str(page["transcript"])
    start = text.index("[[")
    found = json.JSONDecoder().raw_decode(text.replace("&quot;", '"')[start:])[0]
    assert isinstance(found, list)
    return found


async def fetched(tabs: Tabs, name: str, changes: object = None) -> str:
    request = f"{name} 1" if changes is None else f"{name} 1 {json.dumps(changes)}"
    return str((await export_handlers.fetch_file(tabs, SESSION, request))["file"])


async def test_words_have_the_label_of_their_speaker_in_place_of_a_channel() -> None:
    orchestrator, _, page = await transcribed(FakeAdapter(), "", False, True)

    assert [(row[0].lower(), row[4]) for row in rows(page)] == [  # type: ignore[attr-defined]
        ("hello", "Speaker 1"), ("world", "Speaker 2"),
    ]  # fmt: skip
    await orchestrator.stop()


@pytest.mark.parametrize("settings", [(), ("", False), ("", False, False)])
async def test_speakers_are_labelled_only_where_the_option_is_on(
    settings: tuple[object, ...],
) -> None:
    adapter = FakeAdapter()
    orchestrator, _, page = await transcribed(adapter, *settings)

    assert adapter.count(Operation.LABEL_SPEAKERS) == 0
    assert all(len(row) == 4 or row[4] == 0 for row in rows(page))
    await orchestrator.stop()


async def test_missing_extra_is_shown_beside_the_words() -> None:
    adapter = FakeAdapter()
    missing = ModelError("Not installed.", code="speakers.extra_missing", hint="Install it.")
    adapter.fail(Operation.LABEL_SPEAKERS, missing)

    orchestrator, _, page = await transcribed(adapter, "", False, True)

    assert "Install it." in str(page["problem"])
    assert len(rows(page)) == 2
    await orchestrator.stop()


async def test_decoding_again_keeps_the_labels() -> None:
    adapter = FakeAdapter()
    orchestrator, tabs, _ = await transcribed(adapter, "", False, True)
    values = list(defaults())
    values[0] = "greedy" if values[0] != "greedy" else "beam"
    page: dict[str, object] = {}

    async for update in handlers.decode_again(orchestrator, tabs, SESSION, *values):
        page |= update

    assert {row[4] for row in rows(page)} == {"Speaker 1", "Speaker 2"}
    assert adapter.count(Operation.LABEL_SPEAKERS) == 1
    await orchestrator.stop()


async def test_names_are_in_files_of_words_that_were_not_corrected() -> None:
    orchestrator, tabs, _ = await transcribed(FakeAdapter(), "", False, True)
    names = {"words": None, "names": [["Speaker 2", "Ben &amp"]]}

    assert "Ben &amp;amp: " in await fetched(tabs, "transcript.txt", names)
    assert "Speaker 1: " in await fetched(tabs, "transcript.srt", names)
    assert "Ben" not in await fetched(tabs, "transcript.srt")
    await orchestrator.stop()


async def test_names_are_in_files_of_corrected_words() -> None:
    orchestrator, tabs, _ = await transcribed(FakeAdapter(), "", False, True)
    words = [["HI", 0.0, 0.4, 0.9, "Speaker 1"], ["all", 0.5, 0.9, 0.9, "Speaker 2"]]

    text = await fetched(tabs, "transcript.txt", {"words": words, "names": [["Speaker 1", "Ann"]]})

    assert "Ann: HI" in text
    assert "Speaker 2: all" in text
    await orchestrator.stop()


async def test_channels_can_be_named() -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, merged([make_recognition("a b"), make_recognition("c")]))
    orchestrator, tabs, _ = await transcribed(adapter, "", True, False)

    text = await fetched(tabs, "transcript.txt", {"words": None, "names": [[1, "Ann"]]})

    assert "Ann: " in text
    assert "Channel 2: " in text
    await orchestrator.stop()


@pytest.mark.parametrize(
    "changes",
    [
        {"words": None}, {"names": []  , "words": 5}, {"words": None, "names": {"a": "b"}},
        {"words": None, "names": [["a"]]}, {"words": None, "names": [[None, "b"]]},
        {"words": None, "names": [["a", 5]]}, {"words": None, "names": [["a", "x" * 100]]},
        {"words": None, "names": [["a", "b"]] * 100}, 5,
    ],
)  # fmt: skip
async def test_changes_that_cannot_be_used_give_no_file(changes: object) -> None:
    orchestrator, tabs, _ = await transcribed(FakeAdapter(), "", False, True)

    assert "data-missing" in await fetched(tabs, "transcript.txt", changes)
    await orchestrator.stop()


def test_corrected_words_may_have_a_speaker_or_a_channel() -> None:
    labelled, in_channel = parse_words('[["a", 0, 1, 1, "Ann"], ["b", 1, 2, 1, 2]]')

    assert (labelled.speaker, labelled.channel) == ("Ann", None)
    assert (in_channel.speaker, in_channel.channel) == ("", 2)
    assert replace(labelled, speaker="") != labelled
    with pytest.raises(InputError):
        parse_words(json.dumps([["a", 0, 1, 1, "x" * 100]]))


# --- named endpoints ------------------------------------------------------------------------------


async def answered(adapter: FakeAdapter, **values: object) -> dict[str, Any]:
    adapter.speakers = 2
    orchestrator = ModelOrchestrator([adapter], make_policy())
    await orchestrator.start()
    given = {**dict.fromkeys(endpoint_options.names_of(audio=True), None), **values}
    answer = await endpoints.transcribe(
        orchestrator, "hello world.wav", "auto", SESSION, *given.values()
    )
    await orchestrator.stop()
    return cast(dict[str, Any], answer)


async def test_endpoint_labels_speakers_with_their_names() -> None:
    answer = await answered(FakeAdapter(), diarize=True, speaker_names="Ann")

    assert [word["speaker"] for word in answer["words"]] == ["Ann", "Speaker 2"]
    plain = await answered(FakeAdapter())
    assert [word["speaker"] for word in plain["words"]] == [None, None]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"diarize": "maybe"}, "request.bad_value"),
        ({"diarize": ["yes"]}, "request.bad_value"),
        ({"speaker_names": 5}, "speakers.bad_names"),
    ],
)
async def test_endpoint_rejects_what_it_cannot_use(values: dict[str, object], code: str) -> None:
    adapter = FakeAdapter()

    answer = await answered(adapter, **values)

    assert answer["error"]["code"] == code
    assert adapter.calls == []

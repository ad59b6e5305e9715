import asyncio
from dataclasses import replace

import pytest

from tests.examples import clips
from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.build import System
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.searching import SearchRequest, elsewhere, find, parse_search
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource


async def test_word_and_sound_are_found_in_a_recording_and_typed_errors_come_back(
    system: System,
) -> None:
    clip = clips()[0]
    task, run = AudioTask(AudioSource(path=clip.path)), system.orchestrator.run
    known = await run(replace(task, wants=frozenset({Want.TRANSCRIPT}), id="first"))
    assert known.transcript is not None
    word = max(known.transcript.words, key=lambda one: len(one.text))

    async def search(request: SearchRequest, name: str) -> schema.SearchResponse:
        result, _ = await find(run, replace(task, id=name), request)
        return schema.search(result)

    typed = await search(parse_search(word.text, "", ""), "typed")
    assert abs(typed.hits[0].start - word.start_s) < 0.3
    assert typed.hits[0].score > 0.5

    again = await search(parse_search("", word.start_s, word.end_s), "stretch")
    assert abs(again.hits[0].start - word.start_s) < 0.3
    assert again.hits[0].score > 0.8

    spoken = parse_search("", "", "", query=AudioSource(path=clip.path))
    result, search_again = await find(run, replace(task, id="spoken"), spoken)
    assert result.hits is not None
    assert result.hits.hits[0].score > 0.9
    assert elsewhere(search_again, result).query is not None

    for request, code in (
        (parse_search("日本", "", ""), "find.no_letters"),
        (parse_search("", 5000, 5001), "find.bad_stretch"),
    ):
        with pytest.raises(InputError) as caught:
            await search(request, f"bad {code}")
        assert caught.value.code == code
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("word", "start", "end", "code"),
    [
        ("", "", "", "find.no_query"),
        ("", "1", "1", "find.bad_stretch"),
        ("", "2", "1", "find.bad_stretch"),
        ("", "nan", "1", "find.bad_stretch"),
        ("", "1", "", "find.bad_stretch"),
        ("", "1", "1.01", "find.stretch_length"),
        ("", "0", "60", "find.stretch_length"),
        ("x" * 300, "", "", "find.too_long"),
    ],
)
def test_search_for_nothing_is_refused_with_a_hint(
    word: str, start: str, end: str, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_search(word, start, end)

    assert caught.value.code == code
    assert caught.value.hint

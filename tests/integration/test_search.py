import asyncio
import io
from dataclasses import replace
from typing import Any

import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file

from benchmarks.server import RunningServer
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


@pytest.mark.slow
def test_words_and_sounds_are_found_over_http_in_a_file_and_in_the_history(
    server: RunningServer, client: Client
) -> None:
    first, second = clips()[:2]
    headers = {"X-History-Key": "search" * 5}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:

        def post(url: str, **request: Any) -> Any:
            answer = http.post(url, **request)
            assert answer.status_code == 200, answer.text
            return answer.json()

        def transcribed(name: str, content: bytes) -> Any:
            form = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
            return post("/v1/audio/transcriptions", files={"file": (name, content)}, data=form)

        file = {"file": ("first.flac", first.path.read_bytes())}
        words = transcribed("first.flac", first.path.read_bytes())["words"]
        transcribed("second.flac", second.path.read_bytes())
        word = max(words, key=lambda one: len(one["word"]))
        samples, rate_hz = soundfile.read(first.path)
        spoken = io.BytesIO()
        part = samples[round(word["start"] * rate_hz) : round(word["end"] * rate_hz)]
        soundfile.write(spoken, part, rate_hz, format="WAV")
        query = {"query": ("word.wav", spoken.getvalue())}

        url = "/v1/audio/searches"
        typed = post(url, files=file, data={"word": word["word"], "history": "true"})
        stretch = post(url, files=file, data={"start": word["start"], "end": word["end"]})
        by_sound = post(url, files={**file, **query})
        for found in (typed, stretch, by_sound):
            assert abs(found["hits"][0]["start"] - word["start"]) < 0.3, found["hits"]
        assert typed["history"][0]["name"] == "first.flac"

        url = "/v1/history/searches"
        everywhere = post(url, json={"word": word["word"]})
        spoken_word = post(url, files=query)
        for found in (everywhere, spoken_word):
            assert found["searched"] == 2
            best = found["items"][0]
            assert best["name"] == "first.flac", found
            assert abs(best["hits"][0]["start"] - word["start"]) < 0.3
        again = post(url, json={"item": best["id"], "start": word["start"], "end": word["end"]})
        assert again["items"][0]["hits"][0]["score"] > 0.9
        similar = http.get(f"/v1/history/{best['id']}/similar").json()["items"]
        assert [one["item"]["name"] for one in similar] == ["second.flac"]

        quiet = io.BytesIO()
        soundfile.write(quiet, 0 * samples, rate_hz, format="WAV")
        bad = http.post(url, files={"query": ("quiet.wav", quiet.getvalue())})
        assert bad.json()["error"]["code"] == "find.silent_query"
        assert bad.status_code == 400

    audio = handle_file(str(first.path))
    found = client.predict(audio, None, word["word"], api_name="/find")
    assert abs(found["hits"][0]["start"] - word["start"]) < 0.3
    found = client.predict(audio, audio, api_name="/find")
    assert found["hits"][0]["score"] > 0.9
    failed = client.predict(audio, None, "日本", api_name="/find")
    assert failed["error"]["code"] == "find.no_letters"

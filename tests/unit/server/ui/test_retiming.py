"""Times of corrected words: what the page's scripts send, and what they get."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from tests.doubles import FakeAdapter, make_alignment
from tests.unit.conftest import Start
from tests.unit.server.ui.test_decode_again import Browser
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.ui.retiming import MAX_CORRECTED_WORDS, parse_correction, retime
from wav2vec2_app.speech.retiming import AudioStretch


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def ask(browser: Browser, **correction: object) -> dict[str, object]:
    sent = json.dumps({"number": 7, "start": 0.0, "end": 0.8, **correction})
    html = await retime(browser.orchestrator, browser.tabs, "tab", sent)
    found = re.search(r">(.*)</div>", html)
    assert found
    answer: dict[str, object] = json.loads(unescape(found[1]))
    return answer


async def test_stretch_is_aligned_with_the_cached_emission_alone(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    answer = await ask(browser, words=["hello", "world"])

    found = make_alignment()
    assert answer["words"] == [
        [round(word.start_s, 3), round(word.end_s, 3), round(word.score, 3)] for word in found.words
    ]
    assert answer["number"] == 7
    finished = browser.tabs.of("tab").finished
    assert finished is not None
    assert answer["request"] == finished.task_id
    assert adapter.count(Operation.TRANSCRIBE) == 1
    task = next(call.task for call in adapter.calls if call.operation is Operation.ALIGN)
    assert (task.text, task.stretch) == ("hello world", AudioStretch(0.0, 0.8))


async def test_recording_is_used_where_its_emission_is_not_cached_any_more(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    browser.orchestrator.forget_session("tab")
    answer = await ask(browser, words=["hello", "world"])

    assert "words" in answer
    assert adapter.count(Operation.TRANSCRIBE) == 2


async def test_failure_says_why_and_what_to_do(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    assert "no transcript" in str((await ask(browser, words=["a"]))["error"])
    await browser.transcribe(clip)
    error = InputError("Too long.", code="align.text_too_long", hint="Correct fewer words.")
    adapter.fail(Operation.ALIGN, error)

    answer = await ask(browser, words=["hello"])

    assert answer == {
        "number": 7,
        "error": {"message": "Too long.", "hint": "Correct fewer words."},
    }


@pytest.mark.parametrize(
    "sent",
    [
        "", "x", "[]", "{}", "null", '{"number": 1}', '{"number": true, "words": ["a"], "end": 1}',
        '{"number": 1, "words": [], "end": 1}', '{"number": 1, "words": [1], "end": 1}',
        '{"number": 1, "words": "ab", "end": 1}', '{"number": 1, "words": ["a"]}',
        '{"number": 1, "words": ["a"], "start": 2, "end": 1}',
        json.dumps({"number": 1, "words": ["a"] * (MAX_CORRECTED_WORDS + 1), "end": 1}),
        json.dumps({"number": 1, "words": ["a" * 1001], "end": 1}),
    ],
)  # fmt: skip
def test_unusable_correction_is_a_typed_error(sent: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_correction(sent)
    assert caught.value.code in ("align.bad_words", "align.bad_part")
    assert caught.value.hint

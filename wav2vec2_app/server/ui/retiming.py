"""Corrected words of the transcript on the page get their times: the stretch around them is aligned again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import InputError, Wav2Vec2Error, translate
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui import script_calls
from wav2vec2_app.server.ui.edited_words import MAX_WORD_CHARACTERS
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.render.data import hidden
from wav2vec2_app.server.ui.requests import task_for
from wav2vec2_app.server.ui.tabs import FinishedRun, Tabs
from wav2vec2_app.server.ui.views import NOT_CACHED
from wav2vec2_app.speech.options import text_to_align
from wav2vec2_app.speech.retiming import AudioStretch, RetimedWord, parse_stretch, retimed

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

MAX_CORRECTED_WORDS: Final = 2000
"""Most words of a stretch; the scripts send the corrected ones and some beside them."""
_ALIGNMENT: Final = frozenset({Want.ALIGNMENT})


@dataclass(frozen=True)
class Correction:
    """What the scripts send: a number that tells requests apart, the words, and where they are spoken."""

    number: int
    words: tuple[str, ...]
    stretch: AudioStretch


def bind(
    button: gr.Button,
    answer: gr.HTML,
    wanted: gr.Textbox,
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
) -> None:
    """Answer the page's scripts, which press ``button``, with the times in ``answer``."""

    async def on_retime(request: gr.Request, correction: str) -> str:
        return await retime(orchestrator, tabs, session_of(request, orchestrator), correction)

    button.click(
        on_retime,
        inputs=[wanted],
        outputs=[answer],
        js=script_calls.WANTED_TIMES,
        trigger_mode="multiple",
        concurrency_limit=None,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


async def retime(orchestrator: ModelOrchestrator, tabs: Tabs, session: str, sent: str) -> str:
    """The times of corrected words as data for the scripts, or why there are none."""
    number = 0
    finished = tabs.of(session).finished
    try:
        correction = parse_correction(sent)
        number = correction.number
        words = await _retimed(orchestrator, finished, session, correction)
    except Exception as error:  # any unforeseen error becomes a message on the page
        found = translate(error)
        return _answer({"number": number, "error": {"message": found.message, "hint": found.hint}})
    rows = [[round(one.start_s, 3), round(one.end_s, 3), round(one.score, 3)] for one in words]
    return _answer(
        {"number": number, "request": finished.task_id if finished else "", "words": rows}
    )


def parse_correction(sent: str) -> Correction:
    """A correction as the scripts send it: ``{"number": 1, "words": ["hello"], "start": 0.5, "end": 1.2}``.

    Raises:
        InputError: ``align.bad_words``, ``align.bad_part``, ``align.empty_text``.
    """
    try:
        given = json.loads(sent)
    except ValueError as error:
        raise _bad_words() from error
    if not isinstance(given, dict) or type(given.get("number")) is not int:
        raise _bad_words()
    words = given.get("words")
    if not isinstance(words, list) or not 0 < len(words) <= MAX_CORRECTED_WORDS:
        raise _bad_words()
    if not all(isinstance(one, str) and len(one) <= MAX_WORD_CHARACTERS for one in words):
        raise _bad_words()
    stretch = parse_stretch(given.get("start", 0.0), given.get("end"), given.get("channel"))
    if stretch is None:
        raise _bad_words()
    return Correction(given["number"], tuple(words), stretch)


async def _retimed(
    orchestrator: ModelOrchestrator,
    finished: FinishedRun | None,
    session: str,
    correction: Correction,
) -> list[RetimedWord]:
    """The times of the words, in what the tab shows."""
    text = text_to_align(" ".join(correction.words))
    problem: Wav2Vec2Error = _no_result()
    for task in _tasks(finished, session, text, correction.stretch):
        try:
            result = await orchestrator.run(task)
        except Wav2Vec2Error as error:
            problem = error
            if error.code != NOT_CACHED:
                break
            continue
        if result.alignment is not None:
            return retimed(correction.words, result.alignment, correction.stretch)
    raise problem


def _tasks(
    finished: FinishedRun | None, session: str, text: str, stretch: AudioStretch
) -> Iterator[AudioTask]:
    """The cached emission of the finished run, then (if it is no longer cached) the recording."""
    if finished is None:
        return
    yield AudioTask(
        wants=_ALIGNMENT,
        model=finished.model,
        decoding=finished.decoding,  # unchanged, so that nothing is decoded again
        text=text,
        session=session,
        cached_id=finished.task_id,
        audio_options=finished.audio_options,
        stretch=stretch,
    )
    again = task_for(
        finished.audio, finished.model, session, _ALIGNMENT, finished.decoding, text,
        finished.audio_options,
    )  # fmt: skip
    yield replace(again, stretch=stretch)


def _answer(content: dict[str, object]) -> str:
    return hidden(json.dumps(content, ensure_ascii=False))


def _bad_words() -> InputError:
    return InputError(
        "The corrected words cannot be used.",
        code="align.bad_words",
        hint=f"Correct fewer words at a time; the limit is {MAX_CORRECTED_WORDS}.",
    )


def _no_result() -> InputError:
    return InputError(
        "There is no transcript on the page.",
        code="align.no_transcript",
        hint="Transcribe the recording first.",
    )

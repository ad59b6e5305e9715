"""Work on long recordings leaves the event loop free."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.doubles import make_audio, make_recognition, make_task
from wav2vec2_app.server.events import Done, Partial, Queued, audio_s
from wav2vec2_app.server.offload import OFFLOAD_S, off_loop
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.results import AudioResult


@pytest.mark.parametrize(
    ("duration_s", "in_thread"), [(0.0, False), (OFFLOAD_S, False), (OFFLOAD_S + 1, True)]
)
async def test_only_work_on_long_audio_goes_to_a_thread(duration_s: float, in_thread: bool) -> None:
    ran_in = await off_loop(duration_s, threading.get_ident)

    assert (ran_in != threading.get_ident()) is in_thread


async def test_errors_and_arguments_pass_through() -> None:
    def divide(one: int, *, by: int) -> float:
        return one / by

    assert await off_loop(OFFLOAD_S + 1, divide, 6, by=3) == 2
    with pytest.raises(ZeroDivisionError):
        await off_loop(OFFLOAD_S + 1, divide, 6, by=0)


def test_length_of_the_transcript_in_an_event() -> None:
    stamp: Any = (make_task(), 0.0)
    audio, recognition = make_audio(3.0), make_recognition()
    result = AudioResult("1", audio, (), recognition)

    assert audio_s(Done(*stamp, result)) == 3.0
    partial = Partial(*stamp, Step(Operation.TRANSCRIBE), recognition)
    assert audio_s(partial) == recognition.transcript.duration_s
    assert audio_s(Partial(*stamp, Step(Operation.DECODE_AUDIO), audio)) == 0.0
    assert audio_s(Queued(*stamp, 1, 0.0)) == 0.0

"""Words of a long recording while it is being transcribed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.doubles import make_recognition
from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.results import Progress
from wav2vec2_app.server.service.previews import Previews
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.speech.emission import Emitted
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import PreviewWords, Transcript
from wav2vec2_app.speech.windows import Window

KNOWN = make_recognition("hello")
FRAMES = len(KNOWN.emission.log_probs)


class FakeText:
    """Decodes every part to "hello"; parts wait for ``gate`` and fail where ``fails`` is set."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.decoders: list[str] = []
        self.fails = False

    async def decode_part(
        self,
        emitted: Emitted,
        options: DecodingOptions,
        deadline: Deadline,
        request_id: str,
        *,
        written: bool,
    ) -> StepResult[Transcript]:
        assert not written, "the end of a window is not the end of a sentence"
        self.decoders.append(options.decoder)
        await self.gate.wait()
        if self.fails:
            raise InternalError("No words.", code="text.failed")
        return StepResult(KNOWN.transcript, ())


def window(number: int) -> Window:
    """A window that begins after ``number`` seconds."""
    return Window(16_000 * number, 16_000 * (number + 1), 0, FRAMES)


def previews(text: FakeText, reported: list[Progress]) -> Previews:
    return Previews(text, reported.append, Deadline.after(10), "id")


async def finish(one: Previews) -> None:
    assert one._last is not None
    await asyncio.wait({one._last})


async def test_words_of_each_window_have_the_times_of_the_recording() -> None:
    text, reported = FakeText(), []
    one = previews(text, reported)
    text.gate.set()

    for number in (3, 7):
        one.add(window(number), KNOWN.emission, KNOWN.transcript.model)
    await finish(one)

    starts = [progress.value.words[0].start_s for progress in reported]
    first = KNOWN.transcript.words[0].start_s
    assert starts == [3 + first, 7 + first]
    assert text.decoders == ["greedy", "greedy"]
    assert all(isinstance(progress.value, PreviewWords) for progress in reported)


async def test_window_that_cannot_be_decoded_is_left_out() -> None:
    text, reported = FakeText(), []
    one = previews(text, reported)
    text.gate.set()
    text.fails = True
    one.add(window(0), KNOWN.emission, KNOWN.transcript.model)
    await finish(one)
    text.fails = False

    one.add(window(1), KNOWN.emission, KNOWN.transcript.model)
    await finish(one)

    assert len(reported) == 1


async def test_window_without_words_reports_nothing(monkeypatch) -> None:
    text, reported = FakeText(), []
    text.gate.set()
    silent = StepResult(replace(KNOWN.transcript, words=()), ())

    async def decode_part(*_: object, **__: object) -> StepResult[Transcript]:
        return silent

    monkeypatch.setattr(text, "decode_part", decode_part)
    one = previews(text, reported)
    one.add(window(0), KNOWN.emission, KNOWN.transcript.model)
    await finish(one)

    assert reported == []


async def test_closed_previews_report_nothing_more() -> None:
    text, reported = FakeText(), []
    one = previews(text, reported)
    for number in range(3):
        one.add(window(number), KNOWN.emission, KNOWN.transcript.model)
    await asyncio.sleep(0)

    one.close()
    await finish(one)
    text.gate.set()

    assert reported == []
    previews(text, reported).close()

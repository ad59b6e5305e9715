"""Words get the times of their alignment, whatever signs and numbers they have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import make_audio, make_recognition
from wav2vec2_app.errors import (
    CancelledError,
    InputError,
    ModelError,
    ResourceError,
    TimedOutError,
    WorkerDiedError,
)
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.results import Stage
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.word_times import WordTimes, with_times
from wav2vec2_app.speech.alignment import AlignedWord, Alignment
from wav2vec2_app.speech.transcript import Word


def words_of(text: str) -> list[Word]:
    """Words of one second each."""
    return [Word(word, float(at), at + 0.5, 0.9) for at, word in enumerate(text.split())]


def aligned(*words: tuple[str, float, float]) -> list[AlignedWord]:
    return [AlignedWord(text, start_s, end_s, 0.9) for text, start_s, end_s in words]


def test_words_get_the_times_of_their_alignment() -> None:
    timed = with_times(words_of("Well, done."), aligned(("Well,", 0.1, 0.3), ("done.", 0.4, 0.9)))

    assert [(w.text, w.start_s, w.end_s) for w in timed] == [
        ("Well,", 0.1, 0.3),
        ("done.", 0.4, 0.9),
    ]
    assert [word.confidence for word in timed] == [0.9, 0.9]


def test_sign_that_is_not_spoken_keeps_a_time_between_its_neighbours() -> None:
    timed = with_times(words_of("so – on"), aligned(("so", 0.0, 1.4), ("on", 2.2, 2.4)))

    assert [word.text for word in timed] == ["so", "–", "on"]
    assert timed[0].end_s <= timed[1].start_s <= timed[1].end_s <= timed[2].start_s


def test_number_that_is_aligned_as_one_keeps_the_times_of_its_words() -> None:
    timed = with_times(words_of("1 000 men"), aligned(("1 000", 0.1, 1.2), ("men", 1.9, 2.4)))

    assert [(word.text, word.start_s) for word in timed] == [("1", 0.0), ("000", 1.0), ("men", 1.9)]


def test_word_that_the_vocabulary_lacks_keeps_its_time() -> None:
    unknown = AlignedWord("Ωμέγα", 0.0, 3.0, 0.0, wildcard=True)

    [word] = with_times(words_of("Ωμέγα"), [unknown])

    assert (word.start_s, word.end_s) == (0.0, 0.5)


@given(
    st.lists(st.sampled_from(["a", "–", "b,", "7"]), max_size=12),
    st.lists(
        st.tuples(st.sampled_from(["a", "b,", "7", "x", "7 a"]), st.floats(0, 9), st.floats(0, 9))
    ),
)
def test_times_are_in_order_and_no_word_is_lost(
    texts: list[str], spans: list[tuple[str, float, float]]
) -> None:
    timed = with_times(words_of(" ".join(texts)), aligned(*spans))

    assert [word.text for word in timed] == texts
    edges = [edge for word in timed for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)


class Service:
    """A service whose alignment puts all words at the end, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.deadlines: list[Deadline] = []

    async def process(self, *_: Any, deadline: Deadline, **__: Any) -> StepResult[Any]:
        self.deadlines.append(deadline)
        return StepResult(make_recognition(), (Stage("forward", 0.0, 1.0, "inference"),))

    async def align(self, _: Any, text: str, *, deadline: Deadline, **__: Any) -> StepResult[Any]:
        self.deadlines.append(deadline)
        if self.error:
            raise self.error
        words = tuple(AlignedWord(word, 7.0, 8.0, 0.5) for word in text.split())
        return StepResult(Alignment(words, 0.5), (Stage("align", 0.0, 1.0, "text"),))


async def corrected(service: Any, deadline: Deadline) -> StepResult[tuple[Word, ...]]:
    words = words_of("a b")
    return await WordTimes(service).correct(make_audio(), words, deadline=deadline)


async def test_words_are_aligned_within_the_deadline_of_the_step() -> None:
    service, deadline = Service(), Deadline.after(60.0)

    found = await corrected(service, deadline)

    assert [word.start_s for word in found.value] == [7.0, 8.0]
    assert service.deadlines == [deadline, deadline]
    assert [(stage.name, stage.start_s) for stage in found.stages] == [("forward", 0), ("align", 1)]


@pytest.mark.parametrize(
    "kind", [InputError, ModelError, ResourceError, TimedOutError, WorkerDiedError]
)
async def test_words_that_cannot_be_aligned_keep_their_times(kind: type[InputError]) -> None:
    found = await corrected(Service(kind("No.")), Deadline.after(60.0))

    assert found.value == tuple(words_of("a b"))


async def test_cancelled_alignment_cancels_the_step() -> None:
    with pytest.raises(CancelledError):
        await corrected(Service(CancelledError("No.")), Deadline.after(60.0))

"""Updates of a long recording: few enough for a browser, and none of its words is lost."""

from __future__ import annotations

import pytest

from tests.doubles import make_task
from wav2vec2_app.errors import CancelledError, InternalError, Wav2Vec2Error
from wav2vec2_app.server.events import Advanced, Partial
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.ui.views import TranscriptionView
from wav2vec2_app.speech.transcript import PreviewWords, Word

WINDOWS = 1350


def advanced(number: int, operation: Operation = Operation.TRANSCRIBE) -> Advanced:
    return Advanced(make_task(), number / 1000, Step(operation), fraction=number / WINDOWS)


def spoken(number: int) -> Partial:
    words = (Word(f"WORD{number}", number, number + 0.5, 0.9),)
    return Partial(
        make_task(), number / 1000, Step(Operation.TRANSCRIBE), value=PreviewWords(words)
    )


def test_progress_is_shown_once_for_each_percent() -> None:
    view = TranscriptionView("task", "url")

    updates = [view.show(advanced(number)) for number in range(WINDOWS + 1)]

    shown = [update["status"] for update in updates if update]
    assert len(shown) == len(set(shown)) == 101


def test_each_operation_has_its_own_progress() -> None:
    view = TranscriptionView("task", "url")

    assert view.show(advanced(0, Operation.DECODE_AUDIO))
    assert view.show(advanced(0, Operation.TRANSCRIBE))


@pytest.mark.parametrize("error", [InternalError("a defect"), CancelledError("cancelled")])
def test_words_that_wait_for_an_update_come_with_the_failure(error: Wav2Vec2Error) -> None:
    view = TranscriptionView("task", "url")
    updates = [view.show(spoken(number)) for number in range(10)]
    assert [bool(update) for update in updates] == [True] + [False] * 9

    failed = view.fail(error)

    assert all(f"word{number}" in str(failed["preview"]) for number in range(1, 10))
    assert "transcript" not in failed


def test_failure_without_waiting_words_changes_none() -> None:
    view = TranscriptionView("task", "url")
    view.show(spoken(0))

    assert "preview" not in view.fail(InternalError("a defect"))

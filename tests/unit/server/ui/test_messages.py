from dataclasses import replace

import pytest

from tests.doubles import make_audio, make_recognition
from wav2vec2_app.errors import BusyError, CancelledError, InputError, InternalError, ModelError
from wav2vec2_app.server.tasks import AudioResult, Operation, Stage
from wav2vec2_app.server.ui import messages


def make_result() -> AudioResult:
    stages = (Stage("decode audio", 0.0, 0.1, "audio"),)
    return AudioResult("id-1", make_audio(2.0), stages, make_recognition(), real_time_factor=0.1)


# --- status -------------------------------------------------------------------------------------


def test_queue_says_position_and_when_it_starts() -> None:
    assert "Number 3 in line, starts in about 7 s." in messages.status_queued(3, 6.2)
    assert "Next in line" in messages.status_queued(1, 4.0)
    assert "Next in line." in messages.status_queued(1, 0.0)


def test_progress_is_drawn_only_where_it_is_known() -> None:
    assert "--done:0.250" in messages.status_running(Operation.TRANSCRIBE, 0.25)
    assert "--done:1.000" in messages.status_running(Operation.TRANSCRIBE, 7.0)
    assert "--done" not in messages.status_running(Operation.TRANSCRIBE, None)


def test_second_attempt_is_said() -> None:
    assert "attempt 2" in messages.status_running(Operation.TRANSCRIBE, None, 2)


def test_end_is_told_in_plain_words() -> None:
    html = messages.status_done(make_result())

    assert "2.00 s of audio in 200 ms: 10 times faster than real time." in html


def test_answer_from_what_was_kept_says_so() -> None:
    html = messages.status_done(replace(make_result(), stages=()), 0.066)

    assert "Answered from what was kept in 66 ms, without running the model." in html


def test_reading_again_says_what_it_took() -> None:
    html = messages.status_read_again(0.038)

    assert "Read again in 38 ms, without running the model." in html


@pytest.mark.parametrize("operation", Operation)
def test_every_operation_has_words_for_the_status_line(operation: Operation) -> None:
    assert f'data-doing="{operation.value}"' in messages.status_running(operation, None)


def test_speed_that_was_not_measured_is_not_claimed() -> None:
    assert messages.in_plain_words(replace(make_result(), real_time_factor=0.0)) == (
        "2.00 s of audio."
    )


def test_being_stopped_is_no_failure() -> None:
    assert 'data-state="idle"' in messages.status_failed(CancelledError("Cancelled."))
    assert 'data-state="failed"' in messages.status_failed(InputError("Bad."))
    assert "queue is full" in messages.status_failed(BusyError("Full."))


# --- errors -------------------------------------------------------------------------------------


def test_error_shows_message_hint_code_and_request() -> None:
    error = InputError("Too long.", hint="Cut it.", code="audio.too_long")

    html = messages.error_card(error, "id-7")

    for text in ("This audio cannot be used", "Too long.", "Cut it.", "audio.too_long", "id-7"):
        assert text in html
    assert 'role="alert"' in html
    assert 'data-do="retry"' not in html


def test_busy_counts_down_to_the_next_try() -> None:
    html = messages.error_card(BusyError("Full.", metadata={"retry_after_s": 11.6}), "")

    assert "Busy at the moment" in html
    assert "Try again in 12 s" in html
    assert 'data-after="12"' in html


def test_retryable_error_without_a_time_can_be_tried_at_once() -> None:
    html = messages.error_card(InternalError("Oops.", retryable=True), "")

    assert ">Try again<" in html
    assert "data-after" not in html


def test_titles_follow_the_kind_of_failure() -> None:
    assert "not available" in messages.error_card(ModelError("No."), "")
    assert "not available" in messages.error_card(InputError("No.", code="model.unknown"), "")
    assert "did not work" in messages.error_card(InternalError("No."), "")
    for code in ("align.empty_text", "hotwords.too_many", "decoder.bad_value"):
        assert "This audio" not in messages.error_card(InputError("No.", code=code), "")
    assert "part is missing" in messages.problem_card(InternalError("No."), "")

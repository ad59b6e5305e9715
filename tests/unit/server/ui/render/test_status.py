from dataclasses import replace

import pytest

from tests.doubles import make_audio, make_recognition
from wav2vec2_app.errors import BusyError, CancelledError, InputError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult, Stage
from wav2vec2_app.server.ui.render import status


def make_result() -> AudioResult:
    stages = (Stage("decode audio", 0.0, 0.1, "audio"),)
    return AudioResult("id-1", make_audio(2.0), stages, make_recognition(), real_time_factor=0.1)


def test_queue_has_position_and_time_of_the_start() -> None:
    assert "Number 3 in the queue, starts in about 7 s." in status.queued(3, 6.2)
    assert "Next in the queue" in status.queued(1, 4.0)
    assert "Next in the queue." in status.queued(1, 0.0)


def test_progress_is_drawn_only_where_it_is_known() -> None:
    assert "--done:0.250" in status.running(Operation.TRANSCRIBE, 0.25)
    assert "--done:1.000" in status.running(Operation.TRANSCRIBE, 7.0)
    assert "--done" not in status.running(Operation.TRANSCRIBE, None)


def test_second_attempt_is_numbered() -> None:
    assert "attempt 2" in status.running(Operation.TRANSCRIBE, None, 2)


def test_end_has_the_cost_in_words() -> None:
    html = status.done(make_result())

    assert "2.00 s of audio in 200 ms: 10 times faster than real time." in html


def test_result_from_the_cache_says_so() -> None:
    html = status.done(replace(make_result(), cached=True), 0.066)

    assert "Same recording as before: shown from cache in 66 ms." in html


def test_decoding_again_has_its_time() -> None:
    html = status.decoded_again(0.038)

    assert "Decoded again in 38 ms, without running the model." in html


@pytest.mark.parametrize("operation", Operation)
def test_every_operation_has_a_text(operation: Operation) -> None:
    assert f'data-doing="{operation.value}"' in status.running(operation, None)


def test_speed_that_was_not_measured_is_left_out() -> None:
    assert status.cost(replace(make_result(), real_time_factor=0.0)) == ("2.00 s of audio.")


def test_cancellation_is_not_a_failure() -> None:
    assert 'data-state="idle"' in status.failed(CancelledError("Cancelled."))
    assert 'data-state="failed"' in status.failed(InputError("Bad."))
    assert "queue is full" in status.failed(BusyError("Full."))


def test_long_work_says_how_much_is_done_and_left() -> None:
    long = status.running(Operation.TRANSCRIBE, 0.42, left_s=130)
    short = status.running(Operation.TRANSCRIBE, 0.42, left_s=1)

    assert "Transcribing… 42 %, about 3 min left" in long
    assert "left" not in short
    assert "left" not in status.running(Operation.TRANSCRIBE, 0.42)

import pytest

from wav2vec2_app.errors import BusyError, InputError, InternalError, ModelError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Problem
from wav2vec2_app.server.ui.render import cards


def test_error_shows_message_hint_code_and_request() -> None:
    error = InputError("Too long.", hint="Cut it.", code="audio.too_long")

    html = cards.error_card(error, "id-7")

    for text in ("This audio cannot be used", "Too long.", "Cut it.", "audio.too_long", "id-7"):
        assert text in html
    assert 'role="alert"' in html
    assert 'data-do="retry"' not in html


def test_busy_counts_down_to_the_next_try() -> None:
    html = cards.error_card(BusyError("Full.", metadata={"retry_after_s": 11.6}), "")

    assert "Busy at the moment" in html
    assert "Try again in 12 s" in html
    assert 'data-after="12"' in html


def test_retryable_error_without_a_time_can_be_tried_immediately() -> None:
    html = cards.error_card(InternalError("Oops.", retryable=True), "")

    assert ">Try again<" in html
    assert "data-after" not in html


def test_titles_follow_the_kind_of_failure() -> None:
    assert "not available" in cards.error_card(ModelError("No."), "")
    assert "not available" in cards.error_card(InputError("No.", code="model.unknown"), "")
    assert "went wrong" in cards.error_card(InternalError("No."), "")
    for code in ("align.empty_text", "hotwords.too_many", "decoder.bad_value"):
        assert "This audio" not in cards.error_card(InputError("No.", code=code), "")


def test_recording_that_is_too_long_for_pictures_has_the_limit_in_the_title() -> None:
    error = InputError("Too long.", code="features.too_long", metadata={"limit_s": 900.0})

    html = cards.problem_card(Problem(Operation.ANALYZE, error), "")

    assert "No pictures: they are drawn for recordings of up to 15 minutes</h2>" in html
    assert "Too long." not in html, "the title says it"


@pytest.mark.parametrize(
    ("operation", "title"),
    [
        (Operation.ANALYZE, "No pictures"),
        (Operation.DRAW, "No pictures"),
        (Operation.ALIGN, "The result is incomplete"),
    ],
)
def test_missing_part_is_named(operation: Operation, title: str) -> None:
    html = cards.problem_card(Problem(operation, InternalError("No ink.")), "")

    assert f"<h2>{title}</h2>" in html
    assert "No ink." in html

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech import options
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.worker.model import decoding as worker


def test_nothing_asked_is_as_usual() -> None:
    assert options.parse_options() == DEFAULT_OPTIONS
    assert options.parse_options("", "", "", "", "", "") == DEFAULT_OPTIONS


def test_numbers_may_be_text() -> None:
    assert options.parse_options("beam", "12", "0.5", "-1", None, "3") == DecodingOptions(
        "beam", 12, 0.5, -1, (), 3
    )


@pytest.mark.parametrize(
    "hotwords", ["Anna, Zoë;Anna\r\n Lech Wałęsa ,", ["Anna,Zoë", "Lech Wałęsa"]]
)
def test_hotwords_are_parted_by_commas_and_lines(hotwords: object) -> None:
    assert options.parse_options(hotwords=hotwords).hotwords == ("Anna", "Zoë", "Lech Wałęsa")


@pytest.mark.parametrize("name", options.BOUNDS)
@pytest.mark.parametrize(
    "value", ["nan", "inf", "many", float("nan"), float("-inf"), True, [1], {}, 10**400, "1e400"]
)
def test_what_is_no_number_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError) as refusal:
        options.parse_options(**{name: value})

    assert refusal.value.code == "decoder.bad_value"
    assert refusal.value.metadata["field"] == name
    assert name in refusal.value.hint


def test_beam_is_as_wide_as_a_whole_number() -> None:
    assert options.parse_options(beam_width=12.0).beam_width == 12
    with pytest.raises(InputError, match="whole number"):
        options.parse_options(beam_width=12.5)


@pytest.mark.parametrize("name", options.BOUNDS)
def test_bounds_are_those_of_the_worker(name: str) -> None:
    bounds = options.BOUNDS[name]

    for value in (bounds.low, bounds.high):
        worker.check(options.parse_options(**{name: value}))
    for value in (bounds.low - 1, bounds.high + 1):
        with pytest.raises(InputError) as here:
            options.parse_options(**{name: value})
        with pytest.raises(InputError) as there:
            worker.check(DecodingOptions(**{name: value}))
        assert here.value.code == there.value.code == "decoder.bad_value"


def test_decoders_and_hotwords_are_judged_as_by_the_worker() -> None:
    assert worker.DECODERS == options.DECODERS
    assert worker.MAX_HOTWORDS == options.MAX_HOTWORDS
    with pytest.raises(InputError) as refusal:
        options.parse_options("viterbi")
    assert refusal.value.code == "decoder.unknown"


@pytest.mark.parametrize(
    ("hotwords", "code"),
    [
        ("\n".join(f"name{number}" for number in range(10_000)), "hotwords.too_many"),
        ("a" * (options.MAX_HOTWORDS_CHARACTERS + 1), "hotwords.too_many"),
        (12, "decoder.bad_value"),
        ([1, 2], "decoder.bad_value"),
        (b"x", "decoder.bad_value"),
    ],
)
def test_unusable_hotwords_are_refused(hotwords: object, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        options.parse_options(hotwords=hotwords)

    assert refusal.value.code == code


def test_text_to_align_is_kept_as_it_is() -> None:
    assert options.text_to_align(" Hello, ") == " Hello, "

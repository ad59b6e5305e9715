"""The table of decoding options, and the checks that are made from it."""

from dataclasses import fields, replace

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech import options
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, OPTION, OPTIONS, DecodingOptions

NUMBERS = [option.name for option in OPTIONS if option.is_number]


def test_every_field_is_a_row_with_all_that_interfaces_need() -> None:
    assert [option.name for option in OPTIONS] == [
        column.name for column in fields(DecodingOptions)
    ]
    for option in OPTIONS:
        assert option.default == getattr(DEFAULT_OPTIONS, option.name)
        assert option.label
        assert option.help.endswith(".")
        assert (option.type == "choice") == bool(option.choices)


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_have_finite_bounds_and_a_default_on_a_slider_step(name: str) -> None:
    option = OPTION[name]

    assert isinstance(option.default, int | float)
    assert option.low <= option.default <= option.high
    for value in (option.default, option.high):
        steps = (value - option.low) / option.step
        assert steps == pytest.approx(round(steps))


def test_types_follow_the_defaults() -> None:
    assert {option.name: option.type for option in OPTIONS} == {
        "decoder": "choice",
        "beam_width": "integer",
        "lm_weight": "number",
        "word_score": "number",
        "hotwords": "words",
        "hotword_boost": "number",
        "blank_penalty": "number",
    }


def test_json_schema_has_the_row() -> None:
    assert OPTION["beam_width"].json_schema() == {
        "title": "Beam width",
        "description": OPTION["beam_width"].help,
        "type": "integer",
        "minimum": 1,
        "maximum": 500,
        "default": 300,
    }
    assert OPTION["decoder"].json_schema()["enum"] == ["auto", "greedy", "beam"]
    assert OPTION["hotwords"].json_schema()["type"] == "string"


def test_missing_and_empty_values_are_defaults() -> None:
    assert options.parse_options() == DEFAULT_OPTIONS
    assert options.parse_options(*[""] * len(OPTIONS)) == DEFAULT_OPTIONS
    assert options.parse_options(**dict.fromkeys(OPTION)) == DEFAULT_OPTIONS


def test_numbers_may_be_text() -> None:
    assert options.parse_options("beam", "12", "0.5", "-1", None, "3") == DecodingOptions(
        "beam", 12, 0.5, -1, (), 3
    )


def test_unknown_names_and_surplus_values_are_programming_errors() -> None:
    with pytest.raises(TypeError, match="width"):
        options.parse_options(width=3)
    with pytest.raises(TypeError):
        options.parse_options(*[""] * (len(OPTIONS) + 1))


@pytest.mark.parametrize(
    "hotwords", ["Anna, Zoë;Anna\r\n Lech Wałęsa ,", ["Anna,Zoë", "Lech Wałęsa"]]
)
def test_hotwords_are_separated_by_commas_and_line_breaks(hotwords: object) -> None:
    assert options.parse_options(hotwords=hotwords).hotwords == ("Anna", "Zoë", "Lech Wałęsa")


def test_hotword_list_has_single_words_in_lower_case_once() -> None:
    given = DecodingOptions(hotwords=("Ada Lovelace", "ada", ""))

    assert options.hotword_list(given) == ("ada", "lovelace")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", ["nan", "inf", "many", float("nan"), float("-inf"), True, [1], {}, 10**400, "1e400"]
)
def test_values_that_are_not_numbers_are_rejected(name: str, value: object) -> None:
    with pytest.raises(InputError) as rejected:
        options.parse_options(**{name: value})

    assert rejected.value.code == "decoder.bad_value"
    assert rejected.value.metadata["field"] == name
    assert name in rejected.value.hint


def test_beam_width_is_a_whole_number() -> None:
    assert options.parse_options(beam_width=12.0).beam_width == 12
    with pytest.raises(InputError, match="whole number"):
        options.parse_options(beam_width=12.5)


@pytest.mark.parametrize("name", NUMBERS)
def test_bounds_hold_for_parsed_and_for_ready_options(name: str) -> None:
    option = OPTION[name]

    for value in (option.low, option.high):
        assert options.check_options(options.parse_options(**{name: value}))
    for value in (option.low - 1, option.high + 1, float("nan")):
        with pytest.raises(InputError) as parsing:
            options.parse_options(**{name: value})
        with pytest.raises(InputError) as checking:
            options.check_options(replace(DEFAULT_OPTIONS, **{name: value}))
        assert parsing.value.code == checking.value.code == "decoder.bad_value"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"decoder": "viterbi"}, "decoder.unknown"),
        ({"hotwords": "\n".join(f"name{number}" for number in range(10_000))}, "hotwords.too_many"),
        ({"hotwords": "a" * (options.MAX_HOTWORDS_CHARACTERS + 1)}, "hotwords.too_many"),
        ({"hotwords": "a" * (options.MAX_HOTWORD_CHARACTERS + 1)}, "hotwords.too_long"),
        ({"hotwords": 12}, "decoder.bad_value"),
        ({"hotwords": [1, 2]}, "decoder.bad_value"),
        ({"hotwords": b"x"}, "decoder.bad_value"),
    ],
)
def test_other_unusable_values_are_rejected_with_a_hint(
    values: dict[str, object], code: str
) -> None:
    with pytest.raises(InputError) as rejected:
        options.parse_options(**values)

    assert rejected.value.code == code
    assert rejected.value.hint


def test_text_to_align_is_returned_unchanged() -> None:
    assert options.text_to_align(" Hello, ") == " Hello, "

"""The export options: their bounds, and how interfaces give them."""

from __future__ import annotations

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.export_options import (
    DEFAULT_EXPORT,
    EXPORT_OPTIONS,
    ExportOptions,
    parse_export,
)
from wav2vec2_app.speech.options import OPTIONS

NUMBERS = [option for option in EXPORT_OPTIONS if option.is_number]


def test_nothing_given_is_the_default() -> None:
    assert parse_export() == parse_export(*[None, ""] * 3) == DEFAULT_EXPORT == ExportOptions()
    assert (DEFAULT_EXPORT.line_characters, DEFAULT_EXPORT.max_lines) == (42, 2)
    assert (DEFAULT_EXPORT.characters_per_s, DEFAULT_EXPORT.min_cue_s) == (17, 1)


def test_no_export_option_has_the_name_of_a_decoding_option() -> None:
    assert not {one.name for one in OPTIONS} & {one.name for one in EXPORT_OPTIONS}


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
def test_bounds_are_included_and_may_be_text(option) -> None:
    for bound in (option.low, option.high):
        assert getattr(parse_export(**{option.name: str(bound)}), option.name) == bound


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
@pytest.mark.parametrize("value", ["many", "nan", "inf", True, [], "1e9", -1])
def test_impossible_number_is_rejected(option, value: object) -> None:
    with pytest.raises(InputError) as raised:
        parse_export(**{option.name: value})

    assert raised.value.code == "export.bad_value"
    assert raised.value.hint
    assert raised.value.metadata["field"] == option.name


def test_unknown_letter_case_is_rejected() -> None:
    with pytest.raises(InputError, match="letter_case") as raised:
        parse_export(letter_case="upper")

    assert "raw" in raised.value.hint


def test_unknown_option_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        parse_export(font="Arial")
    with pytest.raises(TypeError):
        parse_export(*[None] * (len(EXPORT_OPTIONS) + 1))

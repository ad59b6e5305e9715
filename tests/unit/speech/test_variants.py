from __future__ import annotations

import math

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.synthesis import HIGHEST_CONFIDENCE, SynthesisOptions
from wav2vec2_app.speech.variants import (
    MAX_VARIANTS,
    Variant,
    combined,
    named,
    parse_reference,
    parse_synthesis,
    parse_variants,
)


def names(variants: tuple[Variant, ...]) -> list[str]:
    return [one.name for one in variants]


def test_both_decoders_are_compared_by_default() -> None:
    for variants in (
        parse_variants(""),
        parse_variants(None),
        parse_variants([]),
        combined((), ()),
    ):
        assert names(variants) == ["greedy", "beam"]
        assert {one.model for one in variants} == {"auto"}


def test_models_are_combined_with_decoders() -> None:
    assert names(combined(["a", "b"], ["greedy", "beam"])) == [
        "a greedy", "a beam", "b greedy", "b beam",
    ]  # fmt: skip
    assert names(combined(["a", "b"], [])) == ["a", "b"]
    assert names(combined(["a"], [])) == ["greedy", "beam"]


@pytest.mark.parametrize(
    "value",
    [
        '[{"decoder": "greedy"}, {"model": "b"}]',
        [{"decoder": "greedy"}, {"model": "b"}],
        ["greedy", "b"],
        "greedy, b",
        "Greedy\nb",
        '["greedy", "b"]',
        [{"decoder": "greedy", "model": None, "name": ""}, "b"],
    ],
)
def test_variants_are_text_or_json(value: object) -> None:
    one, two = parse_variants(value)

    assert (one.model, one.decoding.decoder) == ("auto", "greedy")
    assert (two.model, two.decoding.decoder) == ("b", "auto")


def test_variants_have_every_decoding_option() -> None:
    wide, narrow = parse_variants(
        [{"decoder": "beam", "beam_width": "500"}, {"decoder": "beam", "beam_width": 10}]
    )

    assert wide.decoding == DecodingOptions(decoder="beam", beam_width=500)
    assert [wide.name, narrow.name] == ["beam_width=500", "beam_width=10"]


def test_automatic_decoder_is_not_in_a_name_that_has_more() -> None:
    variants = parse_variants([{"model": "a"}, {"model": "b", "decoder": "greedy"}])

    assert names(variants) == ["a", "b greedy"]
    assert names(parse_variants("auto, greedy")) == ["auto", "greedy"]


def test_names_are_different_even_if_what_differs_is_long() -> None:
    words = ["x" * 40 + str(number) for number in range(40)]

    variants = parse_variants([{"hotwords": words}, {"hotwords": [*words, "y"]}, {}])

    assert len(set(names(variants))) == 3


def test_given_names_are_used() -> None:
    variants = parse_variants([{"name": "mine", "model": "a"}, {"model": "b"}])

    assert names(variants) == ["mine", "b"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("[", "compare.bad_variants"),
        ('{"model": "a"}', "compare.bad_variants"),
        ("[" * 100_000, "compare.bad_variants"),
        ("[" * 10_000, "compare.bad_variants"),
        ([1, 2], "compare.bad_variants"),
        ([["greedy"], ["beam"]], "compare.bad_variants"),
        ([{"modle": "a"}, {}], "compare.bad_variants"),
        ([{"model": 5}, {}], "compare.bad_variants"),
        ([{"name": ["a"]}, {}], "compare.bad_variants"),
        (7, "compare.bad_variants"),
        (b"greedy", "compare.bad_variants"),
        ({"a": "b"}, "compare.bad_variants"),
        (["", "a"], "compare.bad_variants"),
        ("greedy", "compare.too_few"),
        ([{}], "compare.too_few"),
        ([str(number) for number in range(MAX_VARIANTS + 1)], "compare.too_many"),
        ("greedy, greedy", "compare.same_variant"),
        ([{"name": "a"}, {"name": "b"}], "compare.same_variant"),
        ([{"name": "x", "model": "a"}, {"name": "x", "model": "b"}], "compare.same_name"),
        ([{"decoder": "best"}, {}], "decoder.unknown"),
        ([{"beam_width": 1e9}, {}], "decoder.bad_value"),
        ([{"beam_width": math.nan}, {}], "decoder.bad_value"),
    ],
)
def test_bad_variants_are_an_error(value: object, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_variants(value)

    assert caught.value.code == code
    assert caught.value.hint


def test_no_variants_at_all_are_too_few() -> None:
    with pytest.raises(InputError) as caught:
        named([])

    assert caught.value.code == "compare.too_few"


@pytest.mark.parametrize(
    "weights", [{"a": 1, "b": 2.5}, "a=1, b=2.5", '{"a": 1, "b": 2.5}', "a = 1\nb = 2.5;"]
)
def test_weights_are_text_or_an_object(weights: object) -> None:
    assert parse_synthesis(weights).weights == {"a": 1, "b": 2.5}


def test_synthesis_has_defaults() -> None:
    assert parse_synthesis() == parse_synthesis(None, None, None) == SynthesisOptions()
    assert parse_synthesis("", "0.5", "Highest_Confidence") == SynthesisOptions(
        quality_threshold=0.5, conflict_resolution=HIGHEST_CONFIDENCE
    )


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (("a",), "synthesis.bad_weight"),
        (("a=x",), "synthesis.bad_weight"),
        (("a=-1",), "synthesis.bad_weight"),
        (("a=nan",), "synthesis.bad_weight"),
        (('{"a": "x"}',), "synthesis.bad_weight"),
        (('{"a": null}',), "synthesis.bad_weight"),
        (("a=0",), "synthesis.zero_weights"),
        (("{",), "synthesis.bad_weight"),
        (("{" * 50_000,), "synthesis.bad_weight"),
        (("", "high"), "synthesis.bad_value"),
        (("", "nan"), "synthesis.bad_value"),
        (("", 2), "synthesis.bad_value"),
        (("", 0, "newest"), "synthesis.unknown_resolution"),
    ],
)
def test_bad_synthesis_options_are_an_error(values: tuple[object, ...], code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_synthesis(*values)

    assert caught.value.code == code


def test_reference_is_text_of_bounded_length() -> None:
    assert parse_reference("  a cat \n") == "a cat"
    assert parse_reference(None) == ""
    with pytest.raises(InputError) as caught:
        parse_reference("a " * 60_000)
    assert caught.value.code == "compare.reference_too_long"

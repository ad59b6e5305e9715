"""The start message of a live session."""

import json

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.live.start import is_stop, parse_start
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, OPTION, DecodingOptions


def test_defaults_are_the_automatic_model_at_16_khz() -> None:
    options, rate_hz = parse_start('{"type": "start"}')

    assert (options.model, options.decoding, rate_hz) == ("auto", DEFAULT_OPTIONS, 16_000)


def test_every_decoding_option_is_accepted() -> None:
    given = {
        "decoder": "beam",
        "beam_width": 12,
        "lm_weight": 0.5,
        "word_score": -2,
        "hotwords": ["Zoë"],
        "hotword_boost": 9,
        "blank_penalty": 1.5,
    }
    assert given.keys() == OPTION.keys()

    options, _ = parse_start(json.dumps({"type": "start", **given}))

    assert options.decoding == DecodingOptions("beam", 12, 0.5, -2, ("Zoë",), 9, 1.5)


@pytest.mark.parametrize("rate_hz", [8_000, 96_000])
def test_bounds_of_the_sampling_rate_are_accepted(rate_hz: int) -> None:
    assert parse_start(json.dumps({"type": "start", "sample_rate": rate_hz}))[1] == rate_hz


@pytest.mark.parametrize("rate_hz", [7_999, 96_001, 16_000.5, True, "16000"])
def test_other_sampling_rates_are_rejected(rate_hz: object) -> None:
    with pytest.raises(InputError, match="sample_rate") as rejected:
        parse_start(json.dumps({"type": "start", "sample_rate": rate_hz}))
    assert rejected.value.code == "live.bad_message"


def test_stop_message_is_recognised() -> None:
    assert is_stop('{"type": "stop"}')
    assert not is_stop('{"type": "start"}')
    with pytest.raises(InputError, match="JSON object"):
        is_stop("stop")

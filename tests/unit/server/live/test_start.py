"""The start message of a live session."""

import json
import math

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.live.start import is_stop, parse_start
from wav2vec2_app.server.status import AdapterStatus, OrchestratorStatus
from wav2vec2_app.speech.models import ModelChoice
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, OPTION, DecodingOptions


def test_defaults_are_the_automatic_model_at_16_khz() -> None:
    start = parse_start('{"type": "start"}')

    assert (start.options.model, start.options.decoding, start.rate_hz) == (
        "auto",
        DEFAULT_OPTIONS,
        16_000,
    )


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

    options = parse_start(json.dumps({"type": "start", **given})).options

    assert options.decoding == DecodingOptions("beam", 12, 0.5, -2, ("Zoë",), 9, 1.5)


@pytest.mark.parametrize("rate_hz", [8_000, 96_000])
def test_bounds_of_the_sampling_rate_are_accepted(rate_hz: int) -> None:
    assert parse_start(json.dumps({"type": "start", "sample_rate": rate_hz})).rate_hz == rate_hz


@pytest.mark.parametrize(
    "rate_hz", [7_999, 96_001, 16_000.5, True, "fast", "1e9", [16_000], math.nan]
)
def test_other_sampling_rates_are_rejected(rate_hz: object) -> None:
    with pytest.raises(InputError, match="sample_rate") as rejected:
        parse_start(json.dumps({"type": "start", "sample_rate": rate_hz}))
    assert rejected.value.code == "live.bad_message"


def test_stop_message_is_recognised() -> None:
    assert is_stop('{"type": "stop"}')
    assert not is_stop('{"type": "start"}')
    with pytest.raises(InputError, match="JSON object"):
        is_stop("stop")
    with pytest.raises(InputError, match="JSON object"):
        is_stop("[]")


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        *(json.dumps({"type": kind}) for kind in ("stop", "Stop", "end", "eof", "CloseStream")),
    ],
)
def test_every_way_to_end_the_audio_is_recognised(message: str) -> None:
    assert is_stop(message)


@pytest.mark.parametrize(
    ("given", "rate_hz"),
    [
        (48_000.0, 48_000),
        ("48000", 48_000),
        ("44100.0", 44_100),
        (None, 16_000),
        ("", 16_000),
    ],
)
def test_every_spelling_of_a_sampling_rate_is_accepted(given: object, rate_hz: int) -> None:
    assert parse_start(json.dumps({"type": "start", "sample_rate": given})).rate_hz == rate_hz


@pytest.mark.parametrize("name", ["f32le", "F32LE", "float32", "pcm_f32le", "pcm-f32le"])
def test_every_name_of_float_samples_is_accepted(name: str) -> None:
    assert parse_start(json.dumps({"type": "start", "encoding": name})).encoding == "f32le"


@pytest.mark.parametrize("name", ["s16le", "int16", "LINEAR16", "pcm_s16le", None, ""])
def test_every_name_of_16_bit_samples_is_accepted(name: str | None) -> None:
    assert parse_start(json.dumps({"type": "start", "encoding": name})).encoding == "s16le"


@pytest.mark.parametrize(
    "field", [{"encoding": "mp3"}, {"channels": 2}, {"language": 5}, {"model": 5}]
)
def test_what_cannot_be_obeyed_is_rejected(field: dict) -> None:
    with pytest.raises(InputError) as rejected:
        parse_start(json.dumps({"type": "start", **field}))
    assert rejected.value.code == "live.bad_message"


def test_unknown_fields_are_ignored_unless_they_look_like_a_known_one() -> None:
    start = parse_start(json.dumps({"type": "start", "interim_results": True, "channels": 1}))

    assert start.ignored == ("interim_results",)
    with pytest.raises(InputError, match="sample_rate"):
        parse_start(json.dumps({"type": "start", "sampel_rate": 48_000}))


STATUS = OrchestratorStatus(
    0, 0, 1, 0.0, None,
    (AdapterStatus("a", True, choices=(
        ModelChoice("auto", "auto", True, "en"), ModelChoice("mms", "mms", True, "en", ("eng", "deu")),
    )),),
    {},
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({"language": "en"}, "auto"),
        ({"language": "de-DE"}, "mms:deu"),
        ({"model": "whisper-1"}, "auto"),
        ({"model": "mms", "language": "German"}, "mms:deu"),
        ({"language": None}, "auto"),
    ],
)
def test_language_and_names_of_openai_choose_the_model(fields: dict, model: str) -> None:
    assert parse_start(json.dumps({"type": "start", **fields}), STATUS).options.model == model


def test_language_that_no_model_has_is_rejected() -> None:
    with pytest.raises(InputError) as rejected:
        parse_start('{"type": "start", "language": "ja"}', STATUS)
    assert rejected.value.code == "language.unsupported"


def with_models(*choices: ModelChoice) -> OrchestratorStatus:
    adapter = AdapterStatus("a", ready=True, choices=choices)
    return OrchestratorStatus(0, 0, 1, 0.0, None, (adapter,), {})


@pytest.mark.parametrize("model", ["whisper", "whisper:de"])
def test_model_without_an_emission_is_rejected(model: str) -> None:
    status = with_models(ModelChoice("whisper", "whisper", True, languages=("de",), emission=False))

    with pytest.raises(InputError, match="live captions") as rejected:
        parse_start(json.dumps({"type": "start", "model": model}), status)

    assert rejected.value.code == "live.model"


def test_model_without_an_emission_is_not_chosen_for_its_language() -> None:
    status = with_models(
        ModelChoice("auto", "auto", True, language="en"),
        ModelChoice("whisper", "whisper", True, languages=("de",), emission=False),
    )

    with pytest.raises(InputError) as rejected:
        parse_start(json.dumps({"type": "start", "language": "de"}), status)

    assert rejected.value.code == "language.unsupported"

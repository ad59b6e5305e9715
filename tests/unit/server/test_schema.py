import json
import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tests.doubles import (
    make_alignment,
    make_audio,
    make_features,
    make_memory,
    make_picture,
    make_recognition,
)
from wav2vec2_app.errors import BusyError, InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult, Problem, Stage
from wav2vec2_app.server.status import (
    AdapterStatus,
    FeatureScore,
    ModelCapabilities,
    OrchestratorStatus,
    WorkerStatus,
)
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.models import ModelChoice
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.retiming import AudioStretch


def make_result(text: str = "hello world") -> AudioResult:
    return AudioResult(
        id="request-1",
        audio=replace(make_audio(2.0), warnings=("It ends early.",)),
        stages=(Stage("queue", 0.0, 0.001), Stage("forward", 0.01, 0.2, "inference")),
        recognition=make_recognition(text),
        features=make_features(),
        pictures=(make_picture("waveform"),),
        real_time_factor=0.1,
    )


def strict(model: schema.JsonModel) -> dict:
    """The JSON as a client parses it; fails where strict JSON cannot represent it."""
    return json.loads(json.dumps(model.json_dict(), allow_nan=False))


def test_transcription_has_words_timings_and_model() -> None:
    answer = strict(schema.transcription(make_result()))

    assert answer["request_id"] == "request-1"
    assert answer["text"] == "hello world"
    assert answer["words"][0] == {
        "text": "hello",
        "start": 0.02,
        "end": 0.3,
        "confidence": 0.9,
        "channel": None,
    }
    assert answer["model"]["source"] == "embedded"
    assert answer["timings"][1] == {
        "stage": "forward",
        "start_s": 0.01,
        "duration_s": 0.2,
        "process": "inference",
    }
    assert answer["audio"]["duration_s"] == 2.0
    assert answer["warnings"] == ["It ends early."]


def test_silence_has_a_reason() -> None:
    answer = strict(schema.transcription(make_result("")))

    assert (answer["text"], answer["words"], answer["reason"]) == ("", [], "silence")


def test_result_without_a_transcript_is_rejected() -> None:
    with pytest.raises(ValueError, match="no transcript"):
        schema.transcription(replace(make_result(), recognition=None))


def test_analysis_has_null_for_undefined_numbers() -> None:
    result = make_result()
    features = replace(result.features, summary={"f0_median_hz": math.nan, "peak_dbfs": -math.inf})

    answer = strict(schema.analysis(replace(result, features=features)))

    contours = answer["features"]["contours"]
    assert None in contours["f0_hz"]
    assert len(contours["f0_hz"]) == len(contours["times_s"]) == len(contours["energy_db"])
    assert answer["features"]["summary"] == {"f0_median_hz": None, "peak_dbfs": None}
    assert answer["pictures"][0]["svg"].startswith("<svg")


def test_analysis_lists_missing_parts_as_problems() -> None:
    problem = Problem(Operation.DRAW, InputError("No picture.", code="picture.failed"))
    result = replace(make_result(), features=None, pictures=(), problems=(problem,))

    answer = strict(schema.analysis(result))

    assert answer["features"] is None
    assert answer["problems"][0]["operation"] == "draw"
    assert answer["problems"][0]["error"]["code"] == "picture.failed"


def test_transcription_has_the_decoder_and_its_options() -> None:
    decoding = DecodingOptions("beam", 12, 0.5, -1, ("Zoë",), 9)
    noted = make_recognition()
    noted = replace(noted, transcript=replace(noted.transcript, decoder="greedy", note="No beam."))
    result = replace(make_result(), recognition=noted)

    answer = strict(schema.transcription(result, decoding))

    assert answer["decoding"] == {
        "decoder": "beam",
        "beam_width": 12,
        "lm_weight": 0.5,
        "word_score": -1.0,
        "hotwords": ["Zoë"],
        "hotword_boost": 9.0,
        "blank_penalty": 0.0,
    }
    assert (answer["decoder"], answer["note"]) == ("greedy", "No beam.")


@pytest.mark.parametrize("cached", [True, False])
def test_response_says_whether_it_was_served_from_the_cache(cached: bool) -> None:
    assert schema.transcription(replace(make_result(), cached=cached)).cached is cached


def test_alignment_has_words_characters_and_wildcards() -> None:
    unspelled = AlignedWord("日本", 0.4, 0.5, 0.0, (), wildcard=True)
    found = make_alignment("Hello, world")
    found = replace(found, words=(*found.words, unspelled))

    answer = strict(schema.alignment(replace(make_result(), alignment=found), "Hello, world 日本"))

    assert answer["words"][0]["text"] == "Hello,"
    assert answer["words"][0]["characters"][0] == {
        "text": "H", "start": 0.0, "end": 0.2, "score": 0.9,
    }  # fmt: skip
    assert answer["words"][2] == {
        "text": "日本", "start": 0.4, "end": 0.5, "score": 0.0, "wildcard": True, "characters": [],
        "mark": "unchecked", "said": "",
    }  # fmt: skip
    assert answer["model"]["source"] == "embedded"


def differing(text: str, poor: str) -> AudioResult:
    """A recording of “hello big world” with an alignment of ``text``, in which one word has a poor score."""
    found = make_alignment(text)
    words = tuple(replace(word, score=0.0001 if word.text == poor else 0.9) for word in found.words)
    return replace(make_result("HELLO BIG WORLD"), alignment=replace(found, words=words))


def test_alignment_marks_what_the_text_and_the_recording_do_not_share() -> None:
    text = "Hello there\nworld"

    answer = strict(schema.alignment(differing(text, "there"), text))
    lacking = strict(schema.alignment(differing("hello world", ""), "hello world"))

    assert [(word["mark"], word["said"]) for word in answer["words"]] == [
        ("said", ""), ("mispronounced", "big"), ("said", ""),
    ]  # fmt: skip
    assert [(one["text"], one["before"]) for one in lacking["inserted"]] == [("big", 1)]
    assert [(line["text"], line["first"], line["last"]) for line in answer["lines"]] == [
        ("Hello there", 0, 2), ("world", 2, 3),
    ]  # fmt: skip


def test_text_of_a_part_is_compared_with_the_words_of_the_part() -> None:
    result = differing("hello", "")

    part = schema.alignment(result, "hello", AudioStretch(0.0, 0.3))

    assert part.inserted == ()
    assert [one.text for one in schema.alignment(result, "hello").inserted] == ["big", "world"]


def test_text_in_another_script_is_rejected() -> None:
    unspelled = replace(
        make_alignment("日本"), words=(AlignedWord("日本", 0.0, 0.5, 0.0, (), wildcard=True),)
    )

    with pytest.raises(InputError) as caught:
        schema.alignment(replace(make_result(), alignment=unspelled), "日本")

    assert caught.value.code == "align.other_script"


def test_result_without_an_alignment_is_rejected() -> None:
    with pytest.raises(ValueError, match="no alignment"):
        schema.alignment(make_result(), "hello")


def test_error_metadata_becomes_strict_json() -> None:
    metadata = {
        "nan": math.nan,
        "levels": (1, 2.5, True, None),
        "array": np.float32(1.5),
        "inner": {1: math.inf},
    }

    answer = strict(schema.error(BusyError("Full.", hint="Wait.", metadata=metadata), "r"))

    assert answer["request_id"] == "r"
    assert answer["error"]["code"] == "queue.full"
    assert answer["error"]["retryable"] is True
    assert answer["error"]["metadata"] == {
        "nan": None,
        "levels": [1, 2.5, True, None],
        "array": "1.5",
        "inner": {"1": None},
    }


def test_capabilities_have_null_for_what_is_not_measured_yet() -> None:
    found = ModelCapabilities(
        "wav2vec2", frozenset(Operation), 600.0, 1000, ("wav",), ("words",), samples=0
    )

    (adapter,) = strict(schema.capabilities([found]))["adapters"]

    assert adapter["operations"] == sorted(operation.value for operation in Operation)
    assert adapter["average_latency_s"] is None
    assert adapter["features"] == [{"name": "words", "measured": None}]


def test_features_have_the_scores_of_the_default_model_and_of_all_models() -> None:
    found = ModelCapabilities(
        "wav2vec2",
        frozenset(Operation),
        600.0,
        1000,
        (),
        ("transcription", "analysis", "hotwords"),
        scores={
            "small": {"transcription": FeatureScore(0.75, "measure", "data", "2026-01-31")},
            "large": {"transcription": FeatureScore(0.95, "measure", "data", "2026-01-31")},
            "": {"analysis": FeatureScore(1.0, "measure", "data", "2026-01-31")},
        },
        default_model="small",
    )

    (adapter,) = strict(schema.capabilities([found]))["adapters"]

    scores = {one["name"]: one["measured"] for one in adapter["features"]}
    assert scores["transcription"] == {
        "score": 0.75,
        "measure": "measure",
        "data": "data",
        "date": "2026-01-31",
    }
    assert scores["analysis"]["score"] == 1.0
    assert scores["hotwords"] is None


def make_status(*, ready: bool = True) -> OrchestratorStatus:
    adapter = AdapterStatus(
        "wav2vec2",
        ready,
        make_recognition().transcript.model,
        (ModelChoice("embedded", "Embedded", True),),
        (WorkerStatus("audio", "ready", 7, 0, 1),),
        make_memory(),
        ("Hello.",),
    )
    return OrchestratorStatus(1, 2, 32, math.inf, None, (adapter,), {"wav2vec2.draw": "closed"})


def test_status_has_queue_workers_and_memory() -> None:
    answer = strict(schema.status(make_status()))

    assert (answer["ready"], answer["queued"], answer["running"]) == (True, 1, 2)
    assert answer["wait_s"] == 0.0
    (adapter,) = answer["adapters"]
    assert adapter["workers"][0]["state"] == "ready"
    assert adapter["memory"]["total_rss_bytes"] == make_memory().total_rss_bytes
    assert answer["breakers"] == {"wav2vec2.draw": "closed"}


def test_system_is_ready_when_every_adapter_is() -> None:
    ready, starting = make_status(), make_status(ready=False)

    assert schema.is_ready(ready)
    assert not schema.is_ready(starting)
    assert not schema.is_ready(replace(ready, adapters=ready.adapters + starting.adapters))
    assert not schema.is_ready(replace(ready, adapters=()))


def test_schema_rejects_nan() -> None:
    with pytest.raises(ValidationError):
        schema.WordJson(text="a", start=math.nan, end=1.0, confidence=0.5)

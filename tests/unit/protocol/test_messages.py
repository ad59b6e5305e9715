"""Every message survives the wire, and what does not fit a message is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.doubles import make_exploration, make_layers
from wav2vec2_app.errors import ProtocolError
from wav2vec2_app.protocol import (
    audio,
    codec,
    download,
    exploration,
    inference,
    layers,
    search,
    speakers,
    text,
    wav,
    whisper,
)
from wav2vec2_app.protocol.frame import Body, Frame, encode
from wav2vec2_app.protocol.message import Empty, Message, Request, WorkerStage
from wav2vec2_app.protocol.reader import read_frame
from wav2vec2_app.protocol.registry import REQUESTS
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import AlignedCharacter
from wav2vec2_app.speech.audio import AudioProbe, AudioSource, DecodeAudioOptions
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import ComparedWord, Explanation
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.models import ModelChoice, ModelInfo
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics, Window

# --- strategies ---

texts = st.text(max_size=8)
numbers = st.floats(allow_infinity=False)
counts = st.integers(0, 2**53)


def arrays(dtype: str, *shape: int) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.dtype(dtype), shape)


def of(kind: type, /, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Builds a dataclass of plain fields."""
    by_hint: dict[object, st.SearchStrategy[Any]] = {
        "str": texts, "float": numbers, "int": counts, "bool": st.booleans(),
        "tuple[str, ...]": st.lists(texts, max_size=3).map(tuple),
    }  # fmt: skip
    hints = {field.name: by_hint.get(field.type) for field in dataclasses.fields(kind)}
    hints |= given
    assert None not in hints.values(), f"{kind.__name__}: {hints}"
    return st.builds(kind, **hints)


stages = st.lists(of(WorkerStage), max_size=2).map(tuple)
sources = st.builds(AudioSource, path=st.just(Path("a/b.wav")), name=texts) | st.builds(
    AudioSource, data=st.binary(max_size=20), name=texts
)
samples = hnp.arrays(np.float32, st.integers(0, 20))
model_infos = of(ModelInfo)
choices = of(ModelChoice, progress=st.none() | st.floats(0, 1))
words = st.lists(of(Word, channel=st.none() | counts), max_size=3).map(tuple)


@st.composite
def emissions(draw: st.DrawFn) -> Emission:
    frames, tokens = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    return Emission(
        log_probs=draw(arrays("f4", frames, tokens)),
        vocabulary=tuple(draw(texts) for _ in range(tokens)),
        blank_id=draw(counts),
        word_delimiter=draw(texts),
        frame_s=draw(numbers),
        special=draw(st.lists(texts, max_size=2).map(tuple)),
        energy_db=draw(st.none() | arrays("f2", frames)),
        calibration=draw(st.none() | st.dictionaries(texts, st.integers() | st.lists(texts))),
        prior=draw(st.none() | st.just((0.5,) * tokens)),
    )


@st.composite
def features(draw: st.DrawFn) -> Features:
    n = draw(st.integers(0, 4))
    return Features(
        *(draw(arrays("f4", n)) for _ in range(3)),
        draw(arrays("f2", 2, n)),
        draw(arrays("f2", 3, n)),
        draw(st.dictionaries(texts, numbers, max_size=3)),
    )


@st.composite
def acoustics(draw: st.DrawFn) -> Acoustics:
    n = draw(st.integers(0, 4))
    names = draw(st.lists(texts, max_size=2).map(tuple))
    return Acoustics(
        draw(arrays("f4", n)),
        names,
        draw(arrays("f4", len(names), n)),
        draw(arrays("f4", 12, 1)),
        draw(arrays("f4", 2, 2)),
        draw(arrays("f4", 0, 2)),
        draw(st.dictionaries(texts, numbers, max_size=3)),
    )


@st.composite
def alignments(draw: st.DrawFn) -> text.AlignResponse:
    letter_counts = draw(hnp.arrays(np.int32, st.integers(0, 3), elements=st.integers(0, 3)))
    total = int(letter_counts.sum())
    return text.AlignResponse(
        texts=tuple(draw(texts) for _ in letter_counts),
        wildcards=draw(arrays("bool", len(letter_counts))),
        word_spans=draw(arrays("f4", len(letter_counts), 3)),
        letters=tuple(draw(texts) for _ in range(total)),
        letter_counts=letter_counts,
        letter_spans=draw(arrays("f4", total, 3)),
        score=draw(numbers),
        stages=draw(stages),
    )


decode_options = st.builds(
    DecodeAudioOptions,
    track=st.none() | st.integers(),
    channels=st.sampled_from(["mix", "separate"]),
)

letters = st.builds(AlignedCharacter, texts, numbers, numbers, numbers)
compared = st.builds(
    ComparedWord,
    texts,
    st.lists(letters, max_size=3).map(tuple),
    numbers,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),  # NaN would arrive as None
)
FIELDS = ("source", "model", "samples", "emission", "words", "text", "stages")
damaged_values = (
    st.none() | st.integers() | texts | st.lists(st.integers()) | st.just({"path": "x"})
)  # fmt: skip
explanations = st.builds(
    Explanation, st.lists(compared, max_size=3).map(tuple), numbers, numbers, texts
)

MESSAGES: Mapping[type[Message], st.SearchStrategy[Any]] = {
    Empty: st.builds(Empty),
    audio.AudioInfo: of(audio.AudioInfo),
    audio.ProbeRequest: st.builds(audio.ProbeRequest, sources, decode_options),
    audio.ProbeResponse: st.builds(audio.ProbeResponse, of(AudioProbe), stages=stages),
    audio.DecodeAudioRequest: st.builds(
        audio.DecodeAudioRequest,
        sources,
        st.none() | st.just(Path("spool")),
        decode_options,
    ),
    audio.DecodeAudioResponse: of(
        audio.DecodeAudioResponse, samples=st.none() | samples, stages=stages
    ),
    audio.AnalyzeRequest: st.builds(audio.AnalyzeRequest, samples),
    audio.AnalyzeResponse: st.builds(audio.AnalyzeResponse, features(), stages=stages),
    audio.MeasureRequest: st.builds(audio.MeasureRequest, samples, features()),
    audio.MeasureResponse: st.builds(audio.MeasureResponse, acoustics(), stages=stages),
    audio.DrawRequest: st.builds(
        audio.DrawRequest,
        samples,
        features(),
        st.none() | emissions(),
        words,
        st.lists(texts).map(tuple),
    ),
    exploration.ExploreRequest: st.builds(
        exploration.ExploreRequest,
        samples,
        st.none() | emissions(),
        numbers,
        st.integers(1, 2000),
    ),
    exploration.ExploreResponse: st.builds(
        exploration.ExploreResponse, st.just(make_exploration()), stages=stages
    ),
    exploration.ExplainRequest: of(
        exploration.ExplainRequest, emission=emissions(), decoding=of(DecodingOptions)
    ),
    exploration.ExplainResponse: st.builds(
        exploration.ExplainResponse, explanations, stages=stages
    ),
    audio.DrawResponse: of(audio.DrawResponse, stages=stages),
    audio.PictureDrawn: st.builds(
        audio.PictureDrawn, of(Picture, svg=st.binary(max_size=20)), numbers
    ),
    inference.InferenceInfo: st.builds(
        inference.InferenceInfo, model_infos, st.lists(choices, max_size=2).map(tuple), counts
    ),
    inference.LoadRequest: of(inference.LoadRequest),
    inference.LoadResponse: st.builds(inference.LoadResponse, model_infos, stages=stages),
    inference.UnloadRequest: of(inference.UnloadRequest),
    inference.UnloadResponse: of(inference.UnloadResponse, stages=stages),
    inference.DescribeRequest: of(inference.DescribeRequest),
    inference.DescribeResponse: st.builds(
        inference.DescribeResponse, model_infos, of(FrameGrid), counts, stages=stages
    ),
    inference.EmitRequest: st.builds(
        inference.EmitRequest, texts, samples, st.none() | of(SampleStatistics)
    ),
    inference.EmitResponse: st.builds(
        inference.EmitResponse, emissions(), model_infos, counts, stages=stages
    ),
    layers.LayersRequest: st.builds(
        layers.LayersRequest,
        texts,
        samples,
        st.just((Window(0, 9, 1, 3), Window(5, 9, 0, 1))),
        arrays("int32", 3),
        numbers,
        st.none() | counts,
        st.integers(1, 9),
        st.none() | of(SampleStatistics),
    ),
    layers.LayersResponse: st.builds(layers.LayersResponse, st.just(make_layers()), stages=stages),
    text.TextInfo: of(text.TextInfo),
    text.DecodeTextRequest: st.builds(
        text.DecodeTextRequest, emissions(), of(DecodingOptions), st.booleans(), st.booleans()
    ),
    text.DecodeTextResponse: of(text.DecodeTextResponse, words=words, stages=stages),
    text.PunctuateRequest: st.builds(text.PunctuateRequest, arrays("uint8", 9), st.tuples(texts)),
    text.PunctuateResponse: st.builds(text.PunctuateResponse, arrays("uint8", 9), stages=stages),
    text.AlignRequest: st.builds(text.AlignRequest, emissions(), texts),
    text.AlignResponse: alignments(),
    search.KeywordSearchRequest: of(search.KeywordSearchRequest, emission=emissions()),
    search.SoundSearchRequest: of(
        search.SoundSearchRequest, emission=emissions(), query=arrays("float32", 2, 3)
    ),
    search.FoundResponse: of(search.FoundResponse, hits=arrays("float32", 2, 3), stages=stages),
    speakers.VoicesRequest: of(
        speakers.VoicesRequest, samples=samples, windows=arrays("float32", 3, 2)
    ),
    speakers.VoicesResponse: of(
        speakers.VoicesResponse, embeddings=arrays("float32", 3, 4), stages=stages
    ),
    speakers.SpeakersRequest: of(
        speakers.SpeakersRequest,
        embeddings=arrays("float32", 3, 4),
        windows=arrays("float32", 3, 2),
        words=arrays("float32", 2, 2),
    ),
    speakers.SpeakersResponse: of(
        speakers.SpeakersResponse, speakers=arrays("int32", 5), stages=stages
    ),
    download.DownloadRequest: of(
        download.DownloadRequest, kind=st.sampled_from(["ctc", "whisper"])
    ),
    download.DownloadProgress: of(download.DownloadProgress),
    download.DownloadResponse: of(download.DownloadResponse, stages=stages),
    wav.EncodeWavRequest: st.builds(wav.EncodeWavRequest, arrays("float32", 4)),
    wav.EncodeWavResponse: st.builds(wav.EncodeWavResponse, st.binary(max_size=9), stages=stages),
    whisper.WhisperRequest: of(
        whisper.WhisperRequest, samples=samples, beam_size=st.integers(1, 9)
    ),
    whisper.WhisperProgress: of(whisper.WhisperProgress, words=words, model=model_infos),
    whisper.WhisperResponse: of(
        whisper.WhisperResponse, words=words, model=model_infos, stages=stages
    ),
}
"""How to make each message."""


def wire(body: Body) -> Body:
    """The body as it arrives at the other end of the pipe."""
    sent = Frame("request", str(uuid.uuid4()), "op", body.meta, body.arrays)
    received = read_frame(io.BytesIO(b"".join(bytes(buffer) for buffer in encode(sent))))
    assert received is not None
    return received.body


def assert_equal(left: object, right: object) -> None:
    """Equal values of the same types; NaN equals NaN."""
    assert type(left) is type(right)
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    elif dataclasses.is_dataclass(left):
        for field in dataclasses.fields(left):
            assert_equal(getattr(left, field.name), getattr(right, field.name))
    elif isinstance(left, tuple) and isinstance(right, tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_equal(one, other)
    elif isinstance(left, dict) and isinstance(right, dict):
        assert left.keys() == right.keys()
        for key, value in left.items():
            assert_equal(value, right[key])
    else:
        assert left == right or (left != left and right != right)


# --- messages ---


def test_every_message_is_tested_here() -> None:
    defined = {
        cls
        for module in (
            audio,
            exploration,
            inference,
            layers,
            text,
            search,
            speakers,
            download,
            wav,
            whisper,
        )
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Message) and cls.__module__ == module.__name__
    }

    assert defined | {Empty} == set(MESSAGES)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_message_survives_the_wire(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(MESSAGES[kind])

    assert_equal(kind.unpack(wire(message.pack())), message)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=15)
@given(
    meta=st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, damaged_values)),
    data=st.data(),
)
def test_any_body_is_the_message_or_a_protocol_error(
    kind: type[Message], meta: dict[str, Any], data: st.DataObject
) -> None:
    body = data.draw(MESSAGES[kind]).pack()
    damaged = Body(
        {**body.meta, **meta},
        {name: a for name, a in body.arrays.items() if data.draw(st.booleans())},
    )
    with contextlib.suppress(ProtocolError):
        assert isinstance(kind.unpack(wire(damaged)), kind)


def test_operations_have_names_of_their_own() -> None:
    requests = [kind for kind in MESSAGES if issubclass(kind, Request)]

    assert {request.op: request for request in requests} == REQUESTS
    assert len(REQUESTS) == len(requests)


def test_request_unpacks_its_own_response_and_progress() -> None:
    response = audio.DrawResponse(("waveform",), ())
    drawn = audio.PictureDrawn(Picture("waveform", "Waveform", b"<svg/>", "A picture."), 0.5)

    assert audio.DrawRequest.unpack_response(wire(response.pack())) == response
    assert audio.DrawRequest.unpack_progress(wire(drawn.pack())) == drawn


def test_arrays_are_neither_copied_by_packing_nor_by_unpacking() -> None:
    samples = np.zeros(10, np.float32)
    body = audio.AnalyzeRequest(samples).pack()

    assert body.arrays["samples"] is samples
    assert audio.AnalyzeRequest.unpack(body).samples is samples


@pytest.mark.parametrize(
    "changes",
    [
        {"log_probs": np.zeros((4, 3), np.float32)},
        {"log_probs": np.zeros(4, np.float32)},
        {"log_probs": np.zeros((4, 2), np.float64)},
        {"energy_db": np.zeros(3, np.float16)},
        {"prior": (0.5,)},
    ],
)
def test_emission_whose_arrays_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    emission = Emission(np.zeros((4, 2), np.float32), ("<pad>", "A"), 0, "|", 0.02)
    body = text.AlignRequest(emission, "A").pack()
    given = codec.pack(dataclasses.replace(emission, **changes))
    damaged = Body(
        {**body.meta, "emission": given.meta},
        {f"emission.{name}": array for name, array in given.arrays.items()},
    )

    with pytest.raises(ProtocolError) as refused:
        text.AlignRequest.unpack(damaged)

    assert refused.value.code == "bridge.bad_message"


def test_alignment_whose_columns_do_not_fit_is_refused() -> None:
    columns: dict[str, Any] = {
        "texts": ("A",),
        "wildcards": np.zeros(1, np.bool_),
        "word_spans": np.zeros((1, 3), np.float32),
        "letters": ("A",),
        "letter_counts": np.array([1], np.int32),
        "letter_spans": np.zeros((1, 3), np.float32),
        "score": 1.0,
    }
    assert len(text.AlignResponse(**columns).alignment.words) == 1
    for change in (
        {"letters": ("A", "B")},
        {"letter_counts": np.array([2], np.int32)},
        {"word_spans": np.zeros((1, 2), np.float32)},
    ):
        with pytest.raises(ValueError, match="alignment"):
            text.AlignResponse(**{**columns, **change})


def test_alignment_gives_each_word_its_letters() -> None:
    spans = np.array([[0.0, 0.1, 0.9], [0.1, 0.2, 0.8]], np.float32)
    response = text.AlignResponse(
        texts=("AB", "*"),
        wildcards=np.array([False, True]),
        word_spans=spans,
        letters=("A", "B"),
        letter_counts=np.array([2, 0], np.int32),
        letter_spans=spans,
        score=0.85,
    )

    first, second = response.alignment.words
    assert [character.text for character in first.characters] == ["A", "B"]
    assert (first.start_s, first.end_s, first.score) == (0.0, 0.1, 0.9)
    assert second.wildcard
    assert second.characters == ()


# --- the codec ---


@dataclass(frozen=True)
class Colour:
    name: Literal["red", "green"]
    weight: float = 1.0


@dataclass(frozen=True)
class Paint:
    colours: tuple[Colour, ...]
    note: str | None = None


def test_missing_fields_have_their_defaults_and_unknown_ones_are_ignored() -> None:
    body = Body({"colours": [{"name": "red", "shade": 3}]})

    assert codec.unpack(Paint, body) == Paint((Colour("red"),))


def test_nan_is_null_and_comes_back_as_nan() -> None:
    body = codec.pack(Colour("red", float("nan")))

    assert body.meta == {"name": "red", "weight": None}
    assert np.isnan(codec.unpack(Colour, body).weight)


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"colours": {}},
        {"colours": [3]},
        {"colours": [{"name": "blue"}]},
        {"colours": [{"name": "red", "weight": "heavy"}]},
        {"colours": [{"name": "red", "weight": True}]},
        {"colours": [], "note": 3},
    ],
)
def test_value_of_another_type_is_refused(meta: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refused:
        codec.unpack(Paint, Body(meta))

    assert refused.value.code == "bridge.bad_message"


@dataclass(frozen=True)
class Unsupported:
    value: set[int]


@dataclass(frozen=True)
class TwoTypes:
    value: int | str


@dataclass(frozen=True)
class Pair:
    value: tuple[int, str]


@pytest.mark.parametrize("kind", [Unsupported, TwoTypes, Pair])
def test_field_of_a_type_that_cannot_be_sent_is_a_defect(kind: type) -> None:
    with pytest.raises(TypeError):
        codec.unpack(kind, Body({"value": 1}))


def test_list_of_arrays_is_a_defect() -> None:
    @dataclass(frozen=True)
    class Many:
        parts: tuple[audio.AnalyzeRequest, ...]

    request = audio.AnalyzeRequest(np.zeros(1, np.float32))
    with pytest.raises(TypeError):
        codec.pack(Many((request, request)))

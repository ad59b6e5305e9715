"""The text role: decoding an emission and aligning a text with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doubles import make_emission
from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.emissions import pack_emission
from wav2vec2_app.protocol.frame import Frame
from wav2vec2_app.server.bridge.process import Answer
from wav2vec2_app.server.build import assets_path
from wav2vec2_app.server.service.frames import alignment
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.worker.loop import Call, Operations
from wav2vec2_app.worker.operations.text import create


@pytest.fixture(scope="module")
def operations() -> Operations:
    return create(config())


def config(**changes: Any) -> dict[str, Any]:
    return {
        "language_model": str(assets_path() / "lm"),
        "embedded": str(assets_path() / "model"),
        "warm_up": False,
        **changes,
    }


def ask(operations: Operations, op: str, meta: dict[str, Any], **arrays: Any) -> Any:
    call = Call(Frame("request", "0" * 8, op, meta, arrays), lambda _: None)
    return operations.handlers[op](call).meta


def told(operations: Operations, meta: dict[str, Any], arrays: dict[str, Any]) -> Alignment:
    """An alignment as the page's process reads it."""
    call = Call(Frame("request", "0" * 8, "align", meta, arrays), lambda _: None)
    reply = operations.handlers["align"](call)
    assert [stage["name"] for stage in reply.meta["stages"]] == ["align"]
    return alignment(Answer(reply.meta, reply.arrays))


def request(
    text: str, decoding: DecodingOptions = DEFAULT_OPTIONS
) -> tuple[dict[str, Any], dict[str, Any]]:
    meta, arrays = pack_emission(make_emission(text))
    return {"emission": meta, "decoding": asdict(decoding), "embedded": False}, dict(arrays)


def test_emission_is_read(operations: Operations) -> None:
    meta, arrays = request("hello world", DecodingOptions(decoder="greedy"))
    answer = ask(operations, "read", meta, **arrays)

    assert [word["text"] for word in answer["words"]] == ["HELLO", "WORLD"]
    assert answer["decoder"] == "greedy"
    assert answer["confidence"] > 0.5
    assert [stage["name"] for stage in answer["stages"]] == ["decode text"]


def test_text_is_aligned_word_by_word_and_letter_by_letter(operations: Operations) -> None:
    meta, arrays = request("hello world")
    found = told(operations, {**meta, "text": "Hello, жук world!"}, arrays)

    assert [word.text for word in found.words] == ["Hello,", "жук", "world!"]
    assert [[c.text for c in w.characters] for w in found.words] == [[*"HELLO"], [], [*"WORLD"]]
    assert [word.wildcard for word in found.words] == [False, True, False]
    times = [(c.start_s, c.end_s) for word in found.words for c in word.characters]
    assert times == sorted(times)
    assert found.words[0].start_s <= times[0][0] < times[-1][1] <= found.words[2].end_s
    assert found.score > 0.5


def test_empty_text_is_refused(operations: Operations) -> None:
    meta, arrays = request("hello world")

    with pytest.raises(InputError) as refused:
        ask(operations, "align", {**meta, "text": " … "}, **arrays)

    assert refused.value.code == "align.empty_text"


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"log_probs": np.zeros((4, 2), np.float32)},
        {"log_probs": np.zeros(4, np.float32)},
        {"log_probs": np.zeros((4, 32), np.float64)},
    ],
)
def test_emission_that_does_not_fit_is_refused(
    operations: Operations, arrays: dict[str, Any]
) -> None:
    meta, _ = request("hello world")

    with pytest.raises(InputError):
        ask(operations, "read", meta, **arrays)


def test_start_without_an_embedded_model_is_no_failure(tmp_path: Path) -> None:
    operations = create(config(embedded=str(tmp_path), warm_up=True))

    assert callable(operations.info)
    assert operations.info() == {"note": ""}


def test_info_says_where_there_is_no_language_model(tmp_path: Path) -> None:
    operations = create(config(language_model=str(tmp_path), warm_up=True))

    assert callable(operations.info)
    assert "without a language model" in operations.info()["note"]

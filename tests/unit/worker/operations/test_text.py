"""The text role: decode an emission, align a text with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles import make_emission
from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.text import AlignRequest, AlignResponse, DecodeTextRequest, TextInfo
from wav2vec2_app.server.build import assets_path
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.operations.text import create


@pytest.fixture(scope="module")
def role() -> Role:
    return create(config())


def config(**changes: Any) -> dict[str, Any]:
    return {
        "language_model": str(assets_path() / "lm"),
        "embedded": str(assets_path() / "model"),
        "warm_up": False,
        **changes,
    }


class NoContext:
    """A context for operations that are not cancelled and report no progress."""

    def check_cancelled(self) -> None: ...

    def progress(self, message: Any) -> None: ...


def ask(role: Role, request: AnyRequest) -> Any:
    return role.by_op[request.op].run(request, NoContext())


def test_emission_is_decoded(role: Role) -> None:
    greedy = DecodingOptions(decoder="greedy")
    answer = ask(role, DecodeTextRequest(make_emission("hello world"), greedy, False))

    assert [word.text for word in answer.words] == ["HELLO", "WORLD"]
    assert answer.decoder == "greedy"
    assert answer.confidence > 0.5
    assert [stage.name for stage in answer.stages] == ["decode text"]


def test_text_is_aligned_word_by_word_and_letter_by_letter(role: Role) -> None:
    answer = ask(role, AlignRequest(make_emission("hello world"), "Hello, жук world!"))
    assert [stage.name for stage in answer.stages] == ["align"]
    found = AlignResponse.unpack(answer.pack()).alignment

    assert [word.text for word in found.words] == ["Hello,", "жук", "world!"]
    assert [[c.text for c in w.characters] for w in found.words] == [[*"HELLO"], [], [*"WORLD"]]
    assert [word.wildcard for word in found.words] == [False, True, False]
    times = [(c.start_s, c.end_s) for word in found.words for c in word.characters]
    assert times == sorted(times)
    assert found.words[0].start_s <= times[0][0] < times[-1][1] <= found.words[2].end_s
    assert found.score > 0.5


def test_empty_text_is_refused(role: Role) -> None:
    with pytest.raises(InputError) as refused:
        ask(role, AlignRequest(make_emission("hello world"), " … "))

    assert refused.value.code == "align.empty_text"


def test_start_without_an_embedded_model_is_no_failure(tmp_path: Path) -> None:
    role = create(config(embedded=str(tmp_path), warm_up=True))

    assert role.info() == TextInfo("")


def test_info_says_where_there_is_no_language_model(tmp_path: Path) -> None:
    info = create(config(language_model=str(tmp_path), warm_up=True)).info()

    assert isinstance(info, TextInfo)
    assert "without a language model" in info.note

"""The text role: decode an emission, align a text with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import make_emission
from wav2vec2_app.errors import CancelledError, InputError
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.text import (
    AlignRequest,
    AlignResponse,
    DecodeTextRequest,
    DecodeTextResponse,
    PunctuateRequest,
    PunctuateResponse,
    TextInfo,
    text_bytes,
)
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model import decoders, viterbi
from wav2vec2_app.worker.operations.text import create


@pytest.fixture(scope="module")
def role() -> Role:
    return create(config())


def config(**changes: Any) -> dict[str, Any]:
    return {
        "language_model": str(assets_path() / "lm"),
        "embedded": str(assets_path() / "model"),
        "punctuation": str(assets_path() / "punctuation"),
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


def english(text: str) -> Emission:
    return replace(make_emission(text), language="en")


def test_english_words_are_written_with_marks_and_case(role: Role) -> None:
    greedy = DecodingOptions(decoder="greedy", hotwords=("Berlin",))
    answer = ask(role, DecodeTextRequest(english("are you in berlin"), greedy, False))

    assert [word.text for word in answer.words] == ["ARE", "YOU", "IN", "BERLIN"]
    assert [word.written for word in answer.words] == ["Are", "you", "in", "Berlin?"]
    assert [stage.name for stage in answer.stages] == ["decode text", "punctuate"]
    unpacked = DecodeTextResponse.unpack(answer.pack())
    assert [word.written for word in unpacked.words][-1] == "Berlin?"


@pytest.mark.parametrize(
    ("emission", "written"),
    [(make_emission("hello"), True), (english("hello"), False), (english(""), True)],
)
def test_other_words_are_not_written(role: Role, emission: Emission, written: bool) -> None:
    answer = ask(role, DecodeTextRequest(emission, DecodingOptions("greedy"), False, written))

    assert not any(word.written for word in answer.words)
    assert [stage.name for stage in answer.stages] == ["decode text"]


@pytest.mark.parametrize("words", [[], ["HELLO"], ["ARE", "YOU", "THERE"], ["I'M"] * 3000])
def test_text_of_any_length_is_punctuated(role: Role, words: list[str]) -> None:
    request = PunctuateRequest.unpack(PunctuateRequest(text_bytes(words), ("Bob",)).pack())
    answer = ask(role, request)

    found = PunctuateResponse.unpack(answer.pack()).words
    assert [word.rstrip(",.?").upper() for word in found] == words


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


class CancelledAt(NoContext):
    """A context whose request is cancelled at the check with this number."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.checks = 0

    def check_cancelled(self) -> None:
        self.checks += 1
        if self.checks == self._number:
            raise CancelledError("The request was cancelled.")


LONG_TEXT = "he said hello world and they came to the city "
BEAM = DecodingOptions(decoder="beam", hotwords=("zaphod",))


@pytest.mark.parametrize(
    "request_",
    [
        DecodeTextRequest(make_emission(LONG_TEXT * 3), DecodingOptions(decoder="greedy"), False),
        DecodeTextRequest(make_emission(LONG_TEXT * 3), DecodingOptions(decoder="beam"), True),
        DecodeTextRequest(make_emission(LONG_TEXT * 3), BEAM, True),
        AlignRequest(make_emission(LONG_TEXT * 20), LONG_TEXT * 20),
    ],
    ids=["greedy", "beam", "beam with hotwords", "align"],
)
def test_cancel_is_seen_between_any_two_steps(
    role: Role, request_: AnyRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viterbi, "BLOCK_BYTES", 100_000)
    ask(role, request_)  # its lexicon is in memory now
    whole = CancelledAt(0)
    role.by_op[request_.op].run(request_, whole)
    assert whole.checks >= 3
    for number in range(1, whole.checks + 1, max(1, whole.checks // 4)):
        context = CancelledAt(number)
        with pytest.raises(CancelledError):
            role.by_op[request_.op].run(request_, context)
        assert context.checks == number


def test_cancel_is_seen_while_the_lexicon_of_new_hotwords_is_built(role: Role) -> None:
    options = DecodingOptions(hotwords=("slartibartfast",))
    request = DecodeTextRequest(make_emission("hello world"), options, True)
    for number in (2, 10, 25):
        context = CancelledAt(number)
        with pytest.raises(CancelledError):
            role.by_op[request.op].run(request, context)
        assert context.checks == number


def test_steps_of_a_search_are_short_and_change_nothing(
    role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = DecodeTextRequest(make_emission(LONG_TEXT * 3), DecodingOptions(decoder="beam"), True)
    ask(role, request)  # its lexicon is in memory now
    steps, single = CancelledAt(0), CancelledAt(0)
    in_steps = role.by_op["decode_text"].run(request, steps)
    monkeypatch.setattr(decoders, "STEP_FRAMES", 1 << 20)
    at_once = role.by_op["decode_text"].run(request, single)

    assert steps.checks > single.checks
    assert in_steps.words == at_once.words
    assert in_steps.confidence == at_once.confidence

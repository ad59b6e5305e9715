"""The words of Whisper's segments, and how a model is loaded; the model itself is a double."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.model.test_whisper_files import weights
from wav2vec2_app.errors import CancelledError, ModelError, ResourceError, Wav2Vec2Error
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model import whisper_runtime
from wav2vec2_app.worker.model.whisper import WhisperRecognizer, joined_words
from wav2vec2_app.worker.model.whisper_files import WhisperCheckpoint
from wav2vec2_app.worker.model.whisper_runtime import (
    CancellableModel,
    WhisperOptions,
    load_whisper,
)

SPEECH = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


def parts(*texts: str) -> list[Word]:
    return [Word(text, float(at), at + 1.0, 0.9 - 0.1 * at) for at, text in enumerate(texts)]


# --- words ---


@pytest.mark.parametrize(
    ("given_parts", "expected"),
    [
        ((" Hello,", " world."), ["Hello,", "world."]),
        ((" 10", ",000", " men"), ["10,000", "men"]),
        ((" twenty", "-one"), ["twenty-one"]),
        (("No", " space"), ["No", "space"]),
        ((" ", "", " a"), ["a"]),
        ((), []),
    ],
)
def test_parts_without_a_space_belong_to_the_word_before(
    given_parts: tuple[str, ...], expected: list[str]
) -> None:
    assert [word.text for word in joined_words(parts(*given_parts), 99.0)] == expected


def test_joined_word_has_the_time_of_all_its_parts_and_the_lowest_confidence() -> None:
    [word] = joined_words(parts(" 10", ",000"), 99.0)

    assert (word.start_s, word.end_s, word.confidence) == (0.0, 2.0, 0.8)


def test_parts_of_languages_without_spaces_are_words() -> None:
    assert len(joined_words(parts("你", "好"), 99.0, spaces=False)) == 2


numbers = st.floats(-5, 50)


@given(st.lists(st.builds(Word, st.sampled_from([" a", "b", " ", ""]), numbers, numbers, numbers)))
def test_words_are_in_order_within_the_audio_with_a_confidence(given_parts: list[Word]) -> None:
    words = joined_words(given_parts, 30.0)

    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= 30 for edge in edges)
    assert all(0 <= word.confidence <= 1 and word.text for word in words)


# --- cancellation ---


def test_every_pass_of_the_model_checks_for_cancellation() -> None:
    calls: list[str] = []
    model = CancellableModel(
        SimpleNamespace(
            encode=lambda x: calls.append(f"encode {x}"),
            generate=lambda x, beam: calls.append(f"generate {x} {beam}"),
            is_multilingual=True,
        )
    )
    model.encode("mel")
    model.generate("mel", beam=2)

    def cancelled() -> None:
        raise CancelledError("The request was cancelled.")

    model.check = cancelled
    for run in (model.encode, model.generate):
        with pytest.raises(CancelledError):
            run("mel")
    assert calls == ["encode mel", "generate mel 2"]
    assert model.is_multilingual


# --- loading ---


class Library:
    """faster-whisper, whose models fail on some devices."""

    def __init__(self, **failing: Exception) -> None:
        self.failing = failing
        self.loaded: list[tuple[str, int, str]] = []

    def WhisperModel(  # noqa: N802 - the library's name
        self, path: str, *, device: str, device_index: int, compute_type: str, **_: Any
    ) -> Any:
        self.loaded.append((device, device_index, compute_type))
        if device in self.failing:
            raise self.failing[device]
        model = SimpleNamespace(is_multilingual=True, device=device)
        tokenizer = SimpleNamespace(token_to_id={"<|en|>": 1, "<|de|>": 2}.get)
        return SimpleNamespace(model=model, hf_tokenizer=tokenizer)


def install(monkeypatch: pytest.MonkeyPatch, library: Library, *, gpus: int = 0) -> None:
    monkeypatch.setattr(whisper_runtime, "whisper_library", lambda: library)
    monkeypatch.setattr(whisper_runtime, "_cuda_devices", lambda: gpus)
    kinds = {"int8", "float16", "float32", "int8_float16"}
    fake = SimpleNamespace(get_supported_compute_types=lambda _: kinds, set_random_seed=id)
    monkeypatch.setitem(sys.modules, "ctranslate2", fake)


CHECKPOINT = WhisperCheckpoint("w", Path("w"), "folder")


@pytest.mark.parametrize(
    ("device", "precision", "gpus", "expected"),
    [
        ("auto", "auto", 0, ("cpu", 0, "int8")),
        ("auto", "auto", 2, ("cuda", 0, "float16")),
        ("cuda:1", "int8", 2, ("cuda", 1, "int8_float16")),
        ("cpu", "fp32", 2, ("cpu", 0, "float32")),
        ("cpu", "bf16", 0, ("cpu", 0, "float32")),
        ("mps", "auto", 0, ("cpu", 0, "int8")),
        ("cuda", "auto", 0, ("cpu", 0, "int8")),
    ],
)
def test_device_and_precision_are_those_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    precision: str,
    gpus: int,
    expected: tuple[str, int, str],
) -> None:
    library = Library()
    install(monkeypatch, library, gpus=gpus)

    loaded = load_whisper(CHECKPOINT, WhisperOptions(device, precision))

    assert library.loaded == [expected]
    assert bool(loaded.note) == (device in ("mps", "cuda"))


def test_failing_gpu_is_replaced_by_the_cpu_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(cuda=RuntimeError("CUDA driver version is insufficient"))
    install(monkeypatch, library, gpus=1)

    loaded = load_whisper(CHECKPOINT, WhisperOptions())

    assert (loaded.device, loaded.precision) == ("cpu", "int8")
    assert "GPU failed" in loaded.note


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (RuntimeError("Unsupported model binary version"), ModelError, "model.broken"),
        (ValueError("expected value at line 1"), ModelError, "model.broken"),
        (Exception("data did not match any variant"), ModelError, "model.broken"),
        (RuntimeError("std::bad_alloc"), ResourceError, "resource.memory"),
        (RuntimeError("CUDA failed with error out of memory"), ResourceError, "resource.memory"),
    ],
)
def test_model_that_cannot_be_loaded_is_a_typed_error(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, kind: type[Wav2Vec2Error], code: str
) -> None:
    install(monkeypatch, Library(cpu=failure))

    with pytest.raises(kind) as rejected:
        load_whisper(CHECKPOINT, WhisperOptions())

    assert rejected.value.code == code


def test_library_that_is_not_installed_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)

    with pytest.raises(ModelError) as rejected:
        load_whisper(CHECKPOINT, WhisperOptions())

    assert rejected.value.code == "model.extra_missing"


def test_gpu_that_fails_during_a_request_is_replaced_by_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.bin").write_bytes(weights(("a", (2, 2))))
    library = Library()
    install(monkeypatch, library, gpus=1)
    monkeypatch.setattr("wav2vec2_app.worker.model.whisper._silence", lambda _: "")
    recognizer = WhisperRecognizer(WhisperCheckpoint("w", tmp_path, "folder"), WhisperOptions())
    segment = SimpleNamespace(
        text=" Hi.",
        end=1.0,
        words=[SimpleNamespace(word=" Hi.", start=0.0, end=1.0, probability=1)],
    )

    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("CUDA failed with error device lost")

    recognizer._loaded.model.transcribe = fails
    load = library.WhisperModel

    def loads(*arguments: Any, **named: Any) -> Any:
        model = load(*arguments, **named)
        model.transcribe = lambda *_, **__: ([segment], SimpleNamespace(language="en"))
        return model

    monkeypatch.setattr(library, "WhisperModel", loads)

    assert recognizer.transcribe(SPEECH).text == "Hi."
    assert (recognizer.info().device, recognizer.info().parameters) == ("cpu", 4)
    assert "GPU failed" in recognizer.info().note

"""Names, languages and downloads of the Whisper models of a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from wav2vec2_app.errors import ModelError
from wav2vec2_app.protocol.download import DownloadRequest
from wav2vec2_app.server.service.whisper_models import (
    WhisperModels,
    WhisperPolicy,
    is_whisper_folder,
)
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.whisper import WHISPER_LANGUAGES, is_english_only, whisper_code

HUB = ("org/whisper", "org/whisper.en")


class FakePool:
    """Downloads until ``done`` is set; notes the requests."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.requests: list[object] = []

    async def start(self) -> None:
        pass

    async def request(self, request: object, **_: object) -> None:
        self.requests.append(request)
        await self.done.wait()

    async def stop(self) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    (made / "model.bin").write_bytes(b"")
    return made


def policy(model: str = AUTO_MODEL, *folders: Path) -> WhisperPolicy:
    return WhisperPolicy.of(model, allowed=HUB, folders=folders, download=True)


def models_of(policy: WhisperPolicy, pool: FakePool | None = None) -> WhisperModels:
    make: Any = lambda: pool  # noqa: E731
    return WhisperModels(policy, make, installed=True)


# --- which models there are ---


def test_folders_of_other_models_are_left_to_others(folder: Path, tmp_path: Path) -> None:
    ctc = tmp_path / "ctc"
    ctc.mkdir()
    (ctc / "model.safetensors").write_bytes(b"")

    assert policy(AUTO_MODEL, folder, ctc, tmp_path / "missing").folders == (folder,)
    assert [is_whisper_folder(one) for one in (folder, ctc)] == [True, False]


@pytest.mark.parametrize(
    "model", ["auto", "embedded", "facebook/wav2vec2-base-960h", "unknown", ""]
)
def test_another_default_model_is_not_answered_by_whisper(model: str) -> None:
    models = models_of(policy(model))

    assert not models.is_default
    assert models.answering("auto") == HUB[0]


@pytest.mark.parametrize("model", [HUB[0], HUB[1], f"{HUB[0]}:de"])
def test_whisper_model_of_the_hub_can_be_the_default(model: str) -> None:
    models = models_of(policy(model))

    assert models.is_default
    assert models.answering("auto") == model


def test_whisper_folder_can_be_the_default(folder: Path) -> None:
    for model in (str(folder), f"{folder}/"):
        assert policy(model).default == "mine"
        assert policy(model).folders == (folder,)
    assert policy("mine", folder).default == "mine"
    assert policy(f"{folder}:fr").default == "mine:fr"


def test_english_checkpoints_are_offered_for_english_only() -> None:
    multilingual, english = models_of(policy()).choices

    assert (multilingual.language, multilingual.languages) == ("", WHISPER_LANGUAGES)
    assert (english.language, english.languages) == ("en", ())
    assert not multilingual.emission
    assert not multilingual.ready


@pytest.mark.parametrize(
    ("name", "only"),
    [("tiny.en", True), ("a/distil-large-v3", True), ("large-v3", False), ("a/english", False)],
)
def test_english_only_is_known_from_the_name(name: str, only: bool) -> None:
    assert is_english_only(name) is only


def test_languages_are_those_of_the_library() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer")

    assert sorted(WHISPER_LANGUAGES) == sorted(tokenizer._LANGUAGE_CODES)
    assert [whisper_code(code) for code in WHISPER_LANGUAGES] == list(WHISPER_LANGUAGES)


@pytest.mark.parametrize("name", ["other/model", "org/whisper:de:fr", ":de", "org/whisperx:de", ""])
def test_unknown_name_is_a_typed_error(name: str) -> None:
    with pytest.raises(ModelError) as rejected:
        models_of(policy()).resolve(name)

    assert rejected.value.code == "model.unknown"


# --- downloads ---


async def test_missing_model_is_downloaded_and_then_offered_as_ready() -> None:
    pool = FakePool()
    models = models_of(policy(), pool)
    missing = ModelError("missing", code="model.not_on_disk", metadata={"model": HUB[0]})

    with pytest.raises(ModelError) as rejected:
        models.download_if_missing(missing, "one")
    pool.done.set()
    await models.wait()

    assert rejected.value.code == "model.downloading"
    assert pool.requests == [DownloadRequest(HUB[0], "whisper")]
    assert [choice.ready for choice in models.choices] == [True, False]
    await models.stop()


async def test_model_that_may_not_be_downloaded_stays_missing() -> None:
    models = models_of(WhisperPolicy(HUB), FakePool())
    missing = ModelError("missing", code="model.not_on_disk", metadata={"model": HUB[0]})

    models.download_if_missing(missing, "one")

    assert models.notice == ""

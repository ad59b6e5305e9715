import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC

from tests.checkpoints import LANGUAGES, save_tiny_checkpoint, save_tiny_multilingual
from tests.fake_hub import fake_hub
from wav2vec2_app.errors import ModelError
from wav2vec2_app.worker.model.alphabet import Alphabet
from wav2vec2_app.worker.model.engines.base import UnsupportedArchitecture
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.fetch import fetch
from wav2vec2_app.worker.model.languages import language_of, split_name
from wav2vec2_app.worker.model.resolve import Checkpoint, CheckpointPolicy, cached_path, resolve

NAME = "example/mms-test"
BATCH = np.random.default_rng(1).standard_normal((2, 16_000)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_multilingual(tmp_path_factory.mktemp("mms"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The checkpoint, to be changed."""
    return Path(shutil.copytree(folder, tmp_path / "mms"))


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def hub(folder: Path, hub_cache: Path) -> Iterator[str]:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with fake_hub({NAME: files}) as endpoint:
        yield endpoint


def in_folder(folder: Path, name: str = "") -> Checkpoint:
    policy = CheckpointPolicy(embedded=folder, folders=(folder,))
    return resolve(f"{folder.name}:{name}" if name else folder.name, policy)


# --- names ---


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("facebook/mms-1b-all:deu", ("facebook/mms-1b-all", "deu")),
        ("facebook/mms-1b-all:urd-script_arabic", ("facebook/mms-1b-all", "urd-script_arabic")),
        ("facebook/mms-1b-all", ("facebook/mms-1b-all", "")),
        (r"C:\models\mms", (r"C:\models\mms", "")),
        (r"C:\models\mms:deu", (r"C:\models\mms", "deu")),
        ("/models/mms:deu", ("/models/mms", "deu")),
        ("model:../../secret", ("model:../../secret", "")),
        (":deu", (":deu", "")),
        ("auto", ("auto", "")),
    ],
)
def test_language_follows_the_colon(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


# --- folders ---


def test_without_a_name_the_tokenizer_chooses_the_language(folder: Path, copy: Path) -> None:
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(json.dumps({**settings, "target_lang": "deu"}))

    assert (in_folder(folder).language, in_folder(folder).name) == ("eng", folder.name)
    assert in_folder(copy).language == "deu"


def test_without_any_choice_it_is_english_or_the_only_one(copy: Path) -> None:
    (copy / "tokenizer_config.json").unlink()
    english = in_folder(copy).language
    vocabulary = json.loads((copy / "vocab.json").read_text())
    (copy / "vocab.json").write_text(json.dumps({"deu": vocabulary["deu"]}))

    assert english == "eng"
    assert in_folder(copy).language == "deu"
    assert "ß" in Alphabet.of(copy).tokens


def test_folder_and_path_may_have_a_language(folder: Path) -> None:
    policy = CheckpointPolicy(embedded=folder, folders=(folder,))

    for name in (f"{folder.name}:deu", f"{folder}:deu"):
        checkpoint = resolve(name, policy)
        assert (checkpoint.language, checkpoint.path) == ("deu", folder)
        assert checkpoint.name == f"{folder.name}:deu"
        assert checkpoint.adapter == folder / "adapter.deu.safetensors"


def test_error_of_an_unknown_language_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(ModelError) as refused:
        in_folder(folder, "xyz")
    with pytest.raises(ModelError) as unread:
        Alphabet.of(folder, "xyz")

    for error in (refused.value, unread.value):
        assert error.code == "model.unknown_language"
        assert error.metadata["known"] == sorted(LANGUAGES)
        assert error.hint


def test_language_whose_adapter_is_missing_is_not_known_in_a_folder(copy: Path) -> None:
    (copy / "adapter.deu.safetensors").unlink()

    with pytest.raises(ModelError) as refused:
        in_folder(copy, "deu")

    assert refused.value.metadata["known"] == ["eng", "tur-script_latin"]


def test_model_with_one_language_has_no_choice(tiny_folder: Path) -> None:
    with pytest.raises(ModelError) as refused:
        in_folder(tiny_folder, "deu")

    assert refused.value.code == "model.unknown_language"
    assert refused.value.metadata["known"] == []
    assert in_folder(tiny_folder).language == ""


# --- alphabets ---


@pytest.mark.parametrize("language", LANGUAGES)
def test_alphabet_is_that_of_the_language(folder: Path, language: str) -> None:
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder, target_lang=language)

    alphabet = Alphabet.of(folder, language)

    assert alphabet.tokens == tuple(tokenizer.decoder[i] for i in range(len(tokenizer.decoder)))
    assert (alphabet.blank_id, alphabet.word_delimiter) == (0, "|")
    assert not set(LANGUAGES[language]) & alphabet.special


# --- engines ---


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_engines_compute_what_transformers_computes_with_the_adapter(
    folder: Path, language: str
) -> None:
    reference = Wav2Vec2ForCTC.from_pretrained(folder)
    reference.load_adapter(language)
    with torch.inference_mode():
        logits = reference.eval()(torch.from_numpy(BATCH)).logits
        expected = torch.log_softmax(logits, dim=-1).numpy()

    for engine in (OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")):
        engine.load(in_folder(folder, language))
        np.testing.assert_allclose(engine.forward(BATCH), expected, atol=1e-4)
        assert engine.outputs == len(Alphabet.of(folder, language).tokens)


def test_weights_without_adapter_files_have_their_own_language(folder: Path, copy: Path) -> None:
    for adapter in copy.glob("adapter.*"):
        adapter.unlink()
    alone, beside = OpenVinoEngine(precision="fp32"), OpenVinoEngine(precision="fp32")
    alone.load(in_folder(copy))
    beside.load(in_folder(folder))

    np.testing.assert_allclose(alone.forward(BATCH), beside.forward(BATCH), atol=1e-6)


@pytest.mark.parametrize("change", ["missing", "unexpected", "damaged"])
def test_adapter_of_another_model_is_rejected_by_both_engines(copy: Path, change: str) -> None:
    path = copy / "adapter.deu.safetensors"
    tensors = load_file(path)
    if change == "missing":
        del tensors["wav2vec2.encoder.layers.1.adapter_layer.linear_1.bias"]
    if change == "unexpected":
        tensors["wav2vec2.encoder.layers.2.adapter_layer.linear_1.bias"] = torch.zeros(4)
    save_file(tensors, path, metadata={"format": "pt"})
    if change == "damaged":
        path.write_bytes(b"\x10\0\0\0\0\0\0\0 not json at all")

    for engine in (OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")):
        with pytest.raises(ModelError) as refused:
            engine.load(in_folder(copy, "deu"))
        assert refused.value.code == "model.broken"


def test_pickled_adapter_is_for_the_torch_engine(folder: Path, copy: Path) -> None:
    tensors = load_file(copy / "adapter.deu.safetensors")
    (copy / "adapter.deu.safetensors").unlink()
    torch.save(tensors, copy / "adapter.deu.bin")
    pickled, safe = TorchEngine(device="cpu"), TorchEngine(device="cpu")
    pickled.load(in_folder(copy, "deu"))
    safe.load(in_folder(folder, "deu"))

    np.testing.assert_allclose(pickled.forward(BATCH), safe.forward(BATCH), atol=1e-6)
    with pytest.raises(UnsupportedArchitecture):
        OpenVinoEngine().load(in_folder(copy, "deu"))


# --- the hub ---


def hub_policy(folder: Path, *names: str) -> CheckpointPolicy:
    return CheckpointPolicy(embedded=folder, preferred=names[0], allowed=names)


def test_downloaded_language_is_complete_and_others_are_downloaded_on_demand(
    hub: str, folder: Path
) -> None:
    policy = hub_policy(folder, NAME)
    reported: list[tuple[int, int]] = []
    fetch(f"{NAME}:deu", lambda done, total: reported.append((done, total)), endpoint=hub)

    checkpoint = resolve(f"{NAME}:deu", policy)
    assert (checkpoint.language, checkpoint.source) == ("deu", "cache")
    assert checkpoint.adapter is not None
    assert reported[-1][0] == reported[-1][1]
    assert [done for done, _ in reported] == sorted(done for done, _ in reported)
    assert cached_path(f"{NAME}:tur-script_latin") is None
    with pytest.raises(ModelError) as missing:
        resolve(f"{NAME}:tur-script_latin", policy)
    assert missing.value.code == "model.not_on_disk"

    fetch(f"{NAME}:tur-script_latin", lambda done, total: None, endpoint=hub)
    assert resolve(f"{NAME}:tur-script_latin", policy).language == "tur-script_latin"


def test_default_language_is_downloaded_if_none_is_named(hub: str, folder: Path) -> None:
    fetch(NAME, lambda done, total: None, endpoint=hub)

    checkpoint = resolve("auto", hub_policy(folder, NAME))
    assert (checkpoint.name, checkpoint.language) == (NAME, "eng")
    assert checkpoint.adapter is not None


def test_language_that_the_hub_lacks_is_rejected_before_the_download(hub: str) -> None:
    with pytest.raises(ModelError) as refused:
        fetch(f"{NAME}:xyz", lambda done, total: None, endpoint=hub)

    assert refused.value.code == "model.unknown_language"
    assert refused.value.metadata["known"] == sorted(LANGUAGES)
    assert cached_path(NAME) is None


def test_preferred_model_may_name_its_language(hub: str, folder: Path) -> None:
    policy = hub_policy(folder, f"{NAME}:deu")
    before = resolve("auto", policy).source
    fetch(f"{NAME}:deu", lambda done, total: None, endpoint=hub)

    assert before == "embedded"
    assert resolve("auto", policy).language == "deu"


def test_allowing_one_language_does_not_allow_others(hub_cache: Path, folder: Path) -> None:
    policy = hub_policy(folder, f"{NAME}:deu")

    with pytest.raises(ModelError) as allowed:
        resolve(f"{NAME}:deu", policy)
    with pytest.raises(ModelError) as refused:
        resolve(f"{NAME}:eng", policy)

    assert allowed.value.code == "model.not_on_disk"
    assert refused.value.code == "model.unknown"


def test_adapters_for_one_language_with_its_own_flat_vocabulary(tmp_path: Path) -> None:
    checkpoint = in_folder(save_tiny_checkpoint(tmp_path / "one", adapter_attn_dim=4))

    assert checkpoint.language == ""
    assert checkpoint.adapter is None


# --- the language of a checkpoint with a single one -----------------------------------------------


@pytest.mark.parametrize(
    ("card", "language"),
    [
        ("---\nlanguage: de\n---\n", "de"),
        ("---\nlicense: mit\nlanguage:\n- fr\ntags: [a]\n---\nText", "fr"),
        ("---\nlanguage: [sv-SE]\n---\n", "sv"),
        ("---\nlanguage: ['pl']\n---\n", "pl"),
        ("---\nlanguage:\n- de\n- fr\n---\n", ""),
        ("language: de", ""),
        ("", ""),
    ],
)
def test_model_card_says_the_language(tmp_path: Path, card: str, language: str) -> None:
    (tmp_path / "README.md").write_text(card)

    assert language_of(tmp_path, "my-model") == language


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("facebook/wav2vec2-base-960h", "en"),
        ("jonatasgrosman/wav2vec2-large-xlsr-53-german", "de"),
        ("wav2vec2_Portuguese_v2", "pt"),
        ("my-model", ""),
        ("de", ""),
    ],
)
def test_name_says_the_language(tmp_path: Path, name: str, language: str) -> None:
    assert language_of(tmp_path, name) == language


def test_tokenizer_says_the_language_before_card_and_name(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlanguage: de\n---\n")
    (tmp_path / "tokenizer_config.json").write_text('{"target_lang": "fra"}')

    assert language_of(tmp_path, "x-german") == "fr"


def test_checkpoints_say_their_languages(tmp_path: Path) -> None:
    save_tiny_multilingual(tmp_path / "many")
    save_tiny_checkpoint(tmp_path / "wav2vec2-german")
    policy = CheckpointPolicy(
        embedded=tmp_path / "wav2vec2-german",
        folders=(tmp_path / "many", tmp_path / "wav2vec2-german"),
    )

    many = resolve("many", policy)
    assert (many.transcribes, set(many.languages)) == ("en", set(LANGUAGES))
    assert resolve("many:deu", policy).transcribes == "de"
    assert resolve("wav2vec2-german", policy).transcribes == "de"
    assert resolve("wav2vec2-german", policy).languages == ()
    assert resolve("embedded", policy).transcribes == "en"


@pytest.mark.parametrize(
    ("name", "language", "card", "expected"),
    [
        ("facebook/mms-1b-all:deu", "deu", "", "de"),
        ("facebook/mms-1b-all:urd-script_arabic", "urd-script_arabic", "", "ur"),
        ("example/wav2vec2-large-xlsr-53-german", "", "", "de"),
        ("example/xlsr", "", "---\nlanguage: fr\ntags:\n- audio\n---\n", "fr"),
        ("example/xlsr", "", "---\nlanguage:\n- deu\n- en\n---\n", ""),
        ("example/xlsr", "", '---\nlanguage: ["fr"]\n---\n', "fr"),
        ("example/xlsr-french", "", "no front matter", "fr"),
        ("facebook/wav2vec2-base-960h", "", "", "en"),
    ],
)
def test_language_is_that_of_the_folder_else_of_its_card_else_of_its_name(
    tmp_path: Path, name: str, language: str, card: str, expected: str
) -> None:
    if card:
        (tmp_path / "README.md").write_text(card, encoding="utf-8")

    checkpoint = Checkpoint(name, tmp_path, "folder", language=language)
    assert checkpoint.transcribes == expected

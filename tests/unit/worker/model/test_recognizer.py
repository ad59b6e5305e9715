import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

from tests.checkpoints import VOCABULARY, save_tiny_checkpoint
from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.seams import join
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics, windows_of
from wav2vec2_app.worker.model.alphabet import Alphabet
from wav2vec2_app.worker.model.decoders import GreedyDecoder
from wav2vec2_app.worker.model.engines.base import EngineInfo
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint


def noise(seconds: float, level: float = 0.1) -> Float32:
    generator = np.random.default_rng(3)
    return (level * generator.standard_normal(int(16_000 * seconds))).astype(np.float32)


def load(checkpoint: Checkpoint) -> Recognizer:
    return Recognizer(checkpoint, TorchEngine(device="cpu"))


def in_windows(
    recognizer: Recognizer, samples: Float32, *, window_s: float, overlap_s: float
) -> Emission:
    windows = windows_of(len(samples), recognizer.grid, window_s=window_s, overlap_s=overlap_s)
    level = SampleStatistics.of(samples)
    return join(windows, [recognizer.emit(samples[w.start : w.stop], level) for w in windows])


def test_emission_equals_that_of_transformers_itself(tiny_checkpoint: Checkpoint) -> None:
    samples = noise(2.0)
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(tiny_checkpoint.path)
    model = Wav2Vec2ForCTC.from_pretrained(tiny_checkpoint.path).eval()
    inputs = extractor(samples, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        expected = torch.log_softmax(model(inputs.input_values).logits[0], dim=-1).numpy()

    emission = load(tiny_checkpoint).emit(samples)

    assert emission.vocabulary == VOCABULARY
    np.testing.assert_allclose(emission.log_probs, expected, atol=4e-3)


def test_windows_give_as_many_frames_as_one_pass_and_no_later_last_frame(
    tiny_checkpoint: Checkpoint,
) -> None:
    samples = noise(9.37)

    whole = load(tiny_checkpoint).emit(samples)
    cut = in_windows(load(tiny_checkpoint), samples, window_s=2.0, overlap_s=0.5)

    assert cut.log_probs.shape == whole.log_probs.shape
    assert cut.duration_s <= len(samples) / 16_000


def test_windows_agree_with_one_pass_away_from_context(tmp_path: Path) -> None:
    """With no layer that looks further than the convolutions, a seam must leave no trace."""
    folder = save_tiny_checkpoint(tmp_path, num_hidden_layers=0, num_conv_pos_embeddings=2)
    checkpoint = Checkpoint("local", folder, "folder")
    samples = noise(6.0)

    whole = load(checkpoint).emit(samples)
    cut = in_windows(load(checkpoint), samples, window_s=2.0, overlap_s=0.5)

    np.testing.assert_allclose(cut.log_probs, whole.log_probs, atol=5e-3)


class LocalEngine:
    """Emits in each frame the token that the frame's first sample names, whatever is around it."""

    grid = FrameGrid()
    outputs = len(VOCABULARY)

    def load(self, checkpoint: Checkpoint) -> None:
        pass

    def forward(self, batch: Float32) -> Float32:
        frames = self.grid.frames(batch.shape[1])
        named = np.rint(batch[:, : frames * self.grid.hop : self.grid.hop] * 100).astype(int)
        log_probs = np.full((len(batch), frames, self.outputs), -20.0, np.float32)
        np.put_along_axis(log_probs, named[:, :, None], 0.0, axis=2)
        return log_probs

    def describe(self) -> EngineInfo:
        return EngineInfo("local", "cpu", "fp32", 0)


def test_no_letter_is_lost_or_doubled_at_twenty_seams(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    checkpoint = Checkpoint("local", folder, "folder")
    generator = np.random.default_rng(11)
    named = generator.integers(0, len(VOCABULARY), size=50 * 340)
    samples = np.zeros(len(named) * 320 + 80, np.float32)
    samples[: len(named) * 320 : 320] = named / 100
    recognizer = Recognizer(checkpoint, LocalEngine())
    windows = windows_of(len(samples), recognizer.grid, window_s=20.0, overlap_s=4.0)

    emission = in_windows(recognizer, samples, window_s=20.0, overlap_s=4.0)

    assert len(windows) >= 21, "twenty seams"
    np.testing.assert_array_equal(emission.log_probs.argmax(axis=1), named)


def test_silence_is_blank_without_a_forward_pass(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = load(tiny_checkpoint)
    monkeypatch.setattr(TorchEngine, "forward", lambda *_: pytest.fail("a forward pass"))

    emission = recognizer.emit(np.full(32_000, 0.5, np.float32))  # an offset is silence

    assert emission.log_probs.shape == (99, len(VOCABULARY))
    assert (emission.log_probs.argmax(axis=1) == emission.blank_id).all()


def test_emission_has_the_level_of_every_frame(tiny_checkpoint: Checkpoint) -> None:
    emission = load(tiny_checkpoint).emit(noise(2.0, level=0.1))

    assert emission.energy_db is not None
    assert emission.energy_db.shape == (99,)
    assert np.median(emission.energy_db) == pytest.approx(-20, abs=0.5)


def test_audio_shorter_than_one_frame_still_has_an_emission(tiny_checkpoint: Checkpoint) -> None:
    assert len(load(tiny_checkpoint).emit(noise(0.01)).log_probs) == 1


def test_info_has_engine_device_and_precision(tiny_checkpoint: Checkpoint) -> None:
    info = load(tiny_checkpoint).info

    assert (info.name, info.source) == ("tiny", "folder")
    assert (info.engine, info.device, info.precision) == ("torch", "cpu", "fp32")
    assert info.parameters > 1000
    assert info.size_bytes == (tiny_checkpoint.path / "model.safetensors").stat().st_size


def test_alphabet_follows_the_tokenizer(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(tiny_folder, folder)
    settings = {"pad_token": {"content": "[PAD]"}, "word_delimiter_token": " ", "unk_token": "[U]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "vocab.json").write_text(json.dumps({"a": 0, " ": 1, "[U]": 2, "[PAD]": 3}))
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))

    alphabet = Alphabet.of(folder)

    assert alphabet.tokens == ("a", " ", "[U]", "[PAD]")
    assert (alphabet.blank_id, alphabet.word_delimiter, alphabet.normalize) == (3, " ", False)
    assert "[U]" in alphabet.special
    assert " " not in alphabet.special


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("vocab.json", "{not json", "model.broken"),
        ("vocab.json", '{"a": "b"}', "model.bad_vocabulary"),
        ("vocab.json", '{"a": 0}', "model.no_blank"),
        ("model.safetensors", "not weights", "model.broken"),
    ],
)
def test_broken_checkpoint_is_a_model_error(
    tiny_folder: Path, tmp_path: Path, file: str, content: str, code: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_folder, folder)
    (folder / file).write_text(content)

    with pytest.raises(ModelError) as refused:
        load(Checkpoint("broken", folder, "folder"))

    assert refused.value.code == code


def test_checkpoint_without_ctc_head_is_rejected(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "headless"
    shutil.copytree(tiny_folder, folder)
    Wav2Vec2ForCTC.from_pretrained(tiny_folder).wav2vec2.save_pretrained(folder)

    with pytest.raises(ModelError) as refused:
        load(Checkpoint("headless", folder, "folder"))

    assert refused.value.code == "model.no_ctc_head"


def test_output_that_the_tokenizer_does_not_name_is_never_spelled(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path, vocab_size=len(VOCABULARY) + 3)
    recognizer = load(Checkpoint("wide", folder, "folder"))

    emission = recognizer.emit(noise(1.0))
    emission.log_probs[:, -1] = 0.0  # the unnamed output wins everywhere

    assert len(emission.vocabulary) == emission.log_probs.shape[1] == len(VOCABULARY) + 3
    assert GreedyDecoder().decode(emission).words == ()


def test_vocabulary_of_another_model_is_rejected(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path, vocab_size=5)
    (folder / "vocab.json").write_text(json.dumps({"A": 0, "<pad>": 31}))

    with pytest.raises(ModelError) as refused:
        load(Checkpoint("mixed", folder, "folder"))

    assert refused.value.code == "model.bad_vocabulary"

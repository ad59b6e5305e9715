"""Tiny random wav2vec2 checkpoints on disk, for tests that need a real model but no recognition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

LETTERS = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"
VOCABULARY = ("<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS)
LANGUAGES = {"eng": "abcdefghij", "deu": "abcdefghijäöüß", "tur-script_latin": "abcçdefgğ"}
"""Letters of each language of :func:`save_tiny_multilingual`."""


def save_tiny_checkpoint(folder: Path, **overrides: Any) -> Path:
    """Save a random one-layer model of a few thousand parameters with its processor files."""
    tiny_model(**overrides).save_pretrained(folder)
    write_processor(folder)
    return folder


def tiny_model(**overrides: Any) -> Wav2Vec2ForCTC:
    """The random model, the same in each call; ``overrides`` are of its configuration."""
    torch.manual_seed(7)
    return Wav2Vec2ForCTC(Wav2Vec2Config(**{**TINY, **overrides})).eval()


TINY: dict[str, Any] = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "pad_token_id": 0,
}


def save_tiny_multilingual(folder: Path, *, language: str = "eng") -> Path:
    """Save a model like facebook/mms-1b-all: a vocabulary and an adapter for each of :data:`LANGUAGES`.

    The weights beside the adapters are those of ``language``, which the tokenizer's files choose too.
    """
    specials = VOCABULARY[:5]
    nested = {
        name: {token: number for number, token in enumerate((*specials, *letters))}
        for name, letters in LANGUAGES.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(nested), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), target_lang=language)
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    model = tiny_model(adapter_attn_dim=4, num_hidden_layers=2, vocab_size=len(nested[language]))
    for number, (name, vocabulary) in enumerate(nested.items()):
        weights = _adapter(model, len(vocabulary), seed=number)
        save_file(weights, folder / f"adapter.{name}.safetensors", metadata={"format": "pt"})
        if name == language:
            model.load_state_dict(weights, strict=False)
    model.save_pretrained(folder)
    return folder


def _adapter(model: Wav2Vec2ForCTC, outputs: int, seed: int) -> dict[str, torch.Tensor]:
    """Random weights under the names that transformers gives a language's adapter."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: weight.shape for name, weight in model._get_adapters().items()}
    shapes["lm_head.weight"] = (outputs, model.config.hidden_size)
    shapes["lm_head.bias"] = (outputs,)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write_processor(folder: Path) -> None:
    """The tokenizer's and feature extractor's files, as the hub's English checkpoints have them."""
    vocabulary = {token: index for index, token in enumerate(VOCABULARY)}
    files = {
        "vocab.json": vocabulary,
        "tokenizer_config.json": {
            "tokenizer_class": "Wav2Vec2CTCTokenizer",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "word_delimiter_token": "|",
        },
        "preprocessor_config.json": {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "do_normalize": True,
            "sampling_rate": 16_000,
            "return_attention_mask": True,
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")

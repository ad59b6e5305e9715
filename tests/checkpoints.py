"""Tiny random wav2vec2 checkpoints on disk, for tests that need a real model but no recognition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

LETTERS = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"
VOCABULARY = ("<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS)


def save_tiny_checkpoint(folder: Path, **overrides: Any) -> Path:
    """Save a random two-layer model of a few thousand parameters with its processor files."""
    torch.manual_seed(7)
    settings: dict[str, Any] = {
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
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**{**settings, **overrides})).eval()
    model.save_pretrained(folder)
    write_processor(folder)
    return folder


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

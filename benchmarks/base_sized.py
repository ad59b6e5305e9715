"""A checkpoint of wav2vec2-base's shape with random weights, for measuring speed and memory."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path

from wav2vec2_app.server.assets import assets_path


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Folder of the checkpoint (380 MB), deleted when this process ends."""
    return tempfile.TemporaryDirectory(prefix="base-sized-")


@functools.cache
def base_sized_checkpoint() -> Path:
    """Random weights in the shape of wav2vec2-base (94 M parameters) with the embedded alphabet.

    The same weights in every process; written once.
    """
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    folder = Path(_folder().name) / "base-random"
    shutil.copytree(assets_path() / "model", folder)
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    config = Wav2Vec2Config(vocab_size=len(vocabulary), pad_token_id=vocabulary["<pad>"])
    torch.manual_seed(0)
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder

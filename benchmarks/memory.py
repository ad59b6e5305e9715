"""``python -m benchmarks.memory``: resident memory of all processes after 50 requests.

Starts the real server twice: with the embedded model, and with random weights of the base size.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gradio_client import Client, handle_file

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import running_server
from wav2vec2_app.build import assets_path

MIB = 1024 * 1024
REQUESTS = 50


def base_sized_checkpoint() -> Path:
    """Random weights in the shape of wav2vec2-base (94 M parameters) with the embedded alphabet."""
    import shutil

    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    folder = Path(tempfile.mkdtemp()) / "base-random"
    shutil.copytree(assets_path() / "model", folder)
    vocabulary = json.loads((folder / "vocab.json").read_text())
    config = Wav2Vec2Config(vocab_size=len(vocabulary), pad_token_id=vocabulary["<pad>"])
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


def resident_after(model: str) -> tuple[float, float]:
    """MiB resident in all processes after half of the requests and after all of them."""
    middle = 0.0
    with running_server({"WAV2VEC2_MODEL": model}) as server:
        client = Client(server.url, verbose=False)
        for number in range(REQUESTS):
            clip = handle_file(str(clip_of(10.0, shift_s=number)))  # none is answered from a cache
            answer = client.predict(clip, "auto", api_name="/analyze")
            assert "error" not in answer, answer
            if number == REQUESTS // 2:
                middle = server.resident_bytes() / MIB
        return middle, server.resident_bytes() / MIB


def measure() -> Sequence[Figure]:
    embedded_middle, embedded = resident_after("embedded")
    base_middle, base = resident_after(str(base_sized_checkpoint()))
    return (
        Figure("embedded model, after 50 requests", embedded, "MiB", 900e6 / MIB),
        Figure("embedded model, growth over the last 25", embedded - embedded_middle, "MiB"),
        Figure("base-sized model, after 50 requests", base, "MiB", 2e9 / MIB),
        Figure("base-sized model, growth over the last 25", base - base_middle, "MiB"),
    )


if __name__ == "__main__":
    show("memory", measure())

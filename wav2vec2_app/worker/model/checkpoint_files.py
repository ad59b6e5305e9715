"""Names of a checkpoint's files, and typed reading of the JSON ones."""

from __future__ import annotations

import json
from pathlib import Path

from wav2vec2_app.errors import ModelError

CONFIG = "config.json"
VOCABULARY = "vocab.json"
TOKENIZER = "tokenizer_config.json"
MODEL_CARD = "README.md"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Files that may hold the weights, best first."""

JsonDocument = dict[str, object]


def read_json(path: Path) -> JsonDocument:
    """The object in a checkpoint's file; empty if there is no file, or something else in it.

    Raises:
        ModelError: ``model.broken``: it is not JSON.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(
            f"The model's file {path.name} is not valid JSON.",
            code="model.broken",
            hint="Download or save the checkpoint again.",
        ) from error
    return json_object(content)


def json_object(value: object) -> JsonDocument:
    """``value`` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def json_text(value: object) -> str:
    """``value`` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def json_number(value: object) -> float:
    """``value`` as a number.

    Raises:
        ValueError: it is neither a number nor the text of one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{str(value)[:40]} is not a number")
    return float(value)

"""``python -m wav2vec2_app.worker --role audio|inference|text|download --config '<json>'``.

Each role is a module in ``operations/`` with ``create(config) -> Operations``.
It is imported after the standard streams are claimed, and only it: the audio role loads no torch.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from wav2vec2_app.worker.loop import Operations, serve

ROLES = ("audio", "inference", "text", "download")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one worker; returns the exit code (see :mod:`wav2vec2_app.worker.loop`)."""
    parser = argparse.ArgumentParser(prog="python -m wav2vec2_app.worker")
    parser.add_argument("--role", choices=ROLES, required=True)
    parser.add_argument("--config", type=_config, default={}, help="a JSON object")
    arguments = parser.parse_args(argv)
    return serve(lambda: create(arguments.role, arguments.config))


def create(role: str, config: Mapping[str, Any]) -> Operations:
    """The operations of a role."""
    module = importlib.import_module(f"wav2vec2_app.worker.operations.{role}")
    return cast(Operations, module.create(config))


def _config(text: str) -> dict[str, Any]:
    config = json.loads(text)
    if not isinstance(config, dict):
        raise argparse.ArgumentTypeError("the configuration is a JSON object")
    return config


if __name__ == "__main__":
    sys.exit(main())

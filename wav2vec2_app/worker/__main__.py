"""``python -m wav2vec2_app.worker --role audio|inference|text|download|whisper --config '<json>'``.

Each role is a module in ``operations/`` with ``create(config) -> Role``. It is the only one that is imported,
and only after the standard streams are redirected: the audio role loads no torch.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from typing import cast

from wav2vec2_app.worker import operations
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.loop import serve

ROLES = tuple(module.name for module in pkgutil.iter_modules(operations.__path__))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one worker; returns the exit code (see :mod:`wav2vec2_app.worker.loop`)."""
    parser = argparse.ArgumentParser(prog="python -m wav2vec2_app.worker")
    parser.add_argument("--role", choices=ROLES, required=True)
    parser.add_argument("--config", type=_config, default={}, help="a JSON object")
    arguments = parser.parse_args(argv)
    return serve(lambda: create(arguments.role, arguments.config))


def create(role: str, config: Mapping[str, object]) -> Role:
    """The role of this name, with its configuration."""
    module = importlib.import_module(f"wav2vec2_app.worker.operations.{role}")
    return cast(Role, module.create(config))


def _config(text: str) -> dict[str, object]:
    config = json.loads(text)
    if not isinstance(config, dict):
        raise argparse.ArgumentTypeError("the configuration must be a JSON object")
    return config


if __name__ == "__main__":
    sys.exit(main())

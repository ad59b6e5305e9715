"""A worker that loads a checkpoint with a file ``WAIT`` in its folder only when there is a file ``GO``."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

SLOW_WORKER = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
    "from tests.integration.slow_loading_worker import main; sys.exit(main())"
)


def main() -> int:
    """Run a worker of any role."""
    from wav2vec2_app.worker import __main__ as program

    if "inference" in sys.argv:
        _load_slowly()
    return program.main()


def _load_slowly() -> None:
    from wav2vec2_app.worker.model import models

    load = models.Recognizer

    def load_slowly(checkpoint: Any, engine: Any) -> Any:
        tick = threading.Event()
        while (checkpoint.path / "WAIT").exists() and not (checkpoint.path / "GO").exists():
            tick.wait(0.005)
        return load(checkpoint, engine)

    models.Recognizer = load_slowly  # type: ignore[assignment,misc]

"""Operations of the ``fetch`` role: bring a checkpoint from the model hub onto this machine.

A process of its own, started when needed: a slow network never stands before a forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wav2vec2_app.worker.loop import Call, Operations, Reply
from wav2vec2_app.worker.model.fetch import fetch


def create(config: Mapping[str, Any]) -> Operations:
    """Config: ``timeout_s``, seconds the hub may take to answer."""

    def run(call: Call) -> Reply:
        def report(done: int, total: int) -> None:
            call.check_cancelled()
            call.progress({"done_bytes": done, "total_bytes": total})

        fetch(call.meta["model"], report, timeout_s=float(config["timeout_s"]))
        return Reply({"model": call.meta["model"]})

    return Operations(handlers={"fetch": run}, info={})

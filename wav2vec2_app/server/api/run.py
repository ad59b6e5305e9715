"""Runs the task of an HTTP request for as long as its client is connected."""

from __future__ import annotations

from functools import partial

from fastapi import Request

from wav2vec2_app.errors import translate
from wav2vec2_app.server.api.disconnect import run_connected
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask


async def run_while_connected(
    orchestrator: ModelOrchestrator, request: Request, task: AudioTask
) -> AudioResult:
    """Run the task; cancel it if the client disconnects.

    Raises:
        RequestFailed: it failed.
    """
    try:
        return await run_connected(
            request, orchestrator.run(task), partial(orchestrator.cancel, task.id)
        )
    except Exception as failure:  # the boundary where unforeseen failures become a response
        raise RequestFailed(translate(failure), task.id) from failure

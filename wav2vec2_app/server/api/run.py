"""Runs the task of an HTTP request for as long as its client is connected."""

from __future__ import annotations

import asyncio

from fastapi import Request

from wav2vec2_app.errors import translate
from wav2vec2_app.server.api.disconnect import disconnected
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioResult, AudioTask


async def run_while_connected(
    orchestrator: ModelOrchestrator, request: Request, task: AudioTask
) -> AudioResult:
    """Run the task; cancel it if the client disconnects.

    Raises:
        RequestFailed: it failed.
    """
    work = asyncio.ensure_future(orchestrator.run(task))
    gone = asyncio.ensure_future(disconnected(request))

    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            orchestrator.cancel(task.id)
        return await work
    except asyncio.CancelledError:
        work.cancel()
        raise
    except Exception as failure:  # the boundary where unforeseen failures become a response
        raise RequestFailed(translate(failure), task.id) from failure
    finally:
        gone.cancel()

"""Live captions on real workers, over a real WebSocket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from typing import Any

import httpx
import jiwer
import numpy as np
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.server import RunningServer
from tests.examples import Clip, clips

pytestmark = pytest.mark.integration

BLOCK = 1600  # 100 ms
FASTER = 4
"""How many times faster than real time audio is sent."""
SHORT = clips()[0]


def address(server: RunningServer) -> str:
    return server.url.replace("http:", "ws:") + "/v1/live"


async def send(socket: ClientConnection, samples: np.ndarray) -> None:
    """Speech as a microphone sends it, only faster, and a stop message."""
    data = np.round(samples * 32767).astype("<i2")
    for at in range(0, len(data), BLOCK):
        await socket.send(data[at : at + BLOCK].tobytes())
        await asyncio.sleep(BLOCK / 16_000 / FASTER)
    await socket.send(json.dumps({"type": "stop"}))


async def captioned(
    server: RunningServer, samples: np.ndarray, **start: Any
) -> list[dict[str, Any]]:
    """Every message of a session."""
    async with connect(address(server)) as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate": 16_000, **start}))
        sending = asyncio.ensure_future(send(socket, samples))
        messages: list[dict[str, Any]] = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(json.loads(await socket.recv()))
        await asyncio.gather(sending, return_exceptions=True)
    return messages


def final_text(messages: list[dict[str, Any]]) -> str:
    return " ".join(one["text"] for one in messages if one["type"] == "final").lower()


def offline_text(server: RunningServer, clip: Clip) -> str:
    answer = httpx.post(
        f"{server.url}/v1/audio/transcriptions",
        files={"file": clip.path.read_bytes()},
        data={"letter_case": "raw"},  # without punctuation, as live captions are
        timeout=60,
    )
    return str(answer.json()["text"]).lower()


@pytest.mark.slow
async def test_live_text_matches_that_of_the_recording(server: RunningServer) -> None:
    chosen = clips()[:4]
    pause = np.zeros(16_000, np.float32)
    speech = np.concatenate([part for clip in chosen for part in (clip.samples(), pause)])

    messages = await captioned(server, speech)

    offline = " ".join([await asyncio.to_thread(offline_text, server, clip) for clip in chosen])
    assert jiwer.wer(offline, final_text(messages)) <= 0.15
    finals = [one for one in messages if one["type"] == "final"]
    assert len(finals) >= len(chosen)
    starts = [word["start"] for one in finals for word in one["words"]]
    assert starts == sorted(starts)
    assert messages[-1]["type"] == "ended"
    assert messages[-1]["arrived_s"] == pytest.approx(len(speech) / 16_000, abs=0.01)


@pytest.mark.slow
async def test_committed_words_are_those_of_the_final_text(server: RunningServer) -> None:
    messages = await captioned(server, clips()[-1].samples())

    committed: dict[int, list[str]] = {}
    for one in messages:
        if one["type"] == "words":
            texts = [word["text"] for word in one["committed"]]
            committed.setdefault(one["utterance"], []).extend(texts)
    for one in messages:
        if one["type"] == "final":
            known = committed.get(one["utterance"], [])  # more words belong to the next utterance
            final = [word["text"] for word in one["words"]]
            assert final[: len(known)] == known[: len(final)]
    assert any(committed.values())


async def test_two_sessions_at_once_do_not_mix(server: RunningServer) -> None:
    one, two = await asyncio.gather(*(captioned(server, clip.samples()) for clip in clips()[1:3]))

    for messages, clip in ((one, clips()[1]), (two, clips()[2])):
        offline = await asyncio.to_thread(offline_text, server, clip)
        assert jiwer.wer(offline, final_text(messages)) <= 0.35


async def test_killed_worker_loses_no_words(server: RunningServer) -> None:
    """The inference worker is killed during a session."""
    children = psutil.Process(server.process.pid).children()
    [victim] = [one for one in children if "inference" in one.cmdline()]

    async def kill() -> None:
        await asyncio.sleep(0.5)
        os.kill(victim.pid, signal.SIGKILL)

    messages, _ = await asyncio.gather(captioned(server, SHORT.samples()), kill())

    offline = await asyncio.to_thread(offline_text, server, SHORT)
    assert jiwer.wer(offline, final_text(messages)) <= 0.35
    assert len([one for one in messages if one["type"] == "notice"]) <= 1


async def test_unknown_model_is_rejected(server: RunningServer) -> None:
    messages = await captioned(server, SHORT.samples(), model="no/such-model")

    assert messages[-1]["type"] == "error"
    assert messages[-1]["error"]["code"] == "model.unknown"

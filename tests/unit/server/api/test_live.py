"""The WebSocket of live captions: a real server, with a fake adapter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.doubles import FakeAdapter
from tests.unit.conftest import Start
from tests.unit.server.live.script import recognition, say, sound
from wav2vec2_app.server.api import live, live_connection
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.transcript import Recognition

START = {"type": "start", "sample_rate": 16_000}
SCRIPT = say("good morning to you")
Serve = Callable[..., Awaitable[str]]


def pcm(samples: np.ndarray) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


SPEECH = pcm(sound(SCRIPT, 2.4))


def recognized(task: ModelTask) -> Recognition:
    audio = task.inputs.audio
    assert audio is not None
    words = [word for word in SCRIPT if word.end_s <= audio.duration_s]
    return recognition(words, audio.duration_s)


@pytest.fixture
async def serve(start: Start, adapter: FakeAdapter) -> AsyncIterator[Serve]:
    """``await serve(live_sessions=1)`` gives the address of a running server."""
    adapter.answer(Operation.TRANSCRIBE, *[recognized] * 500)
    servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def serve(**settings: Any) -> str:
        app = FastAPI()
        app.include_router(live.router(await start(adapter), Settings(**settings)))
        config = uvicorn.Config(
            app, port=0, log_level="error", ws_max_size=live_connection.MAX_READ_BYTES
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        servers.append((server, running))
        while not server.started:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        return f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1/live"

    yield serve
    for server, running in servers:
        server.should_exit = True
        await running


async def all_messages(socket: ClientConnection) -> list[dict[str, Any]]:
    """All messages until the server closes the connection."""
    got: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        while True:
            got.append(json.loads(await socket.recv()))
    return got


async def conversation(url: str, *sent: str | bytes) -> tuple[list[dict[str, Any]], int]:
    """The messages that a client receives after sending ``sent``, and the close code."""
    async with connect(url) as socket:
        with suppress(ConnectionClosed):
            for message in sent:
                await socket.send(message)
        got = await all_messages(socket)
        assert socket.close_code is not None
        return got, socket.close_code


async def test_speech_becomes_partial_and_final_captions(serve: Serve) -> None:
    got, code = await conversation(
        await serve(), json.dumps(START), SPEECH, json.dumps({"type": "stop"})
    )

    kinds = [message["type"] for message in got]
    assert kinds[0] == "ready"
    assert kinds[-1] == "ended"
    [final] = [message for message in got if message["type"] == "final"]
    assert final["text"] == "good morning to you"
    assert final["words"][0]["start"] == pytest.approx(0.5, abs=0.01)
    assert code == live_connection.CLOSE_NORMAL


async def test_options_reach_the_adapter(serve: Serve, adapter: FakeAdapter) -> None:
    start = {**START, "sample_rate": 48_000, "decoder": "beam", "hotwords": ["Ada"]}
    speech = pcm(np.repeat(sound(SCRIPT, 2.4), 3))

    got, _ = await conversation(
        await serve(), json.dumps(start), speech, json.dumps({"type": "stop"})
    )

    assert [one["text"] for one in got if one["type"] == "final"] == ["good morning to you"]
    decoding = adapter.calls[0].task.decoding
    assert (decoding.decoder, decoding.hotwords) == ("beam", ("Ada",))
    assert adapter.calls[0].task.live


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("what?", "live.bad_message"),
        ("[1]", "live.bad_message"),
        (b"\0\0" * 800, "live.bad_message"),
        (json.dumps({"type": "stop"}), "live.bad_message"),
        (json.dumps({**START, "sample_rate": 1}), "live.bad_message"),
        (json.dumps({**START, "sample_rate": "fast"}), "live.bad_message"),
        (json.dumps({**START, "sampel_rate": 1}), "live.bad_message"),
        (json.dumps({**START, "model": 5}), "live.bad_message"),
        (json.dumps({**START, "decoder": "guess"}), "decoder.unknown"),
        (json.dumps({**START, "hotwords": ["x"] * 5 + [f"w{n}" for n in range(2000)]}), "hotwords.too_many"),
    ],
)  # fmt: skip
async def test_unusable_start_message_is_answered_with_an_error(
    serve: Serve, first: str | bytes, code: str
) -> None:
    got, closed = await conversation(await serve(), first)

    assert [message["type"] for message in got] == ["error"]
    assert got[0]["error"]["code"] == code
    assert got[0]["error"]["hint"]
    assert closed == live.CLOSE_POLICY


async def test_second_start_message_is_rejected(serve: Serve) -> None:
    again = json.dumps({**START, "sample_rate": 48_000})

    got, _ = await conversation(await serve(), json.dumps(START), SPEECH, again)

    assert got[-1]["error"]["code"] == "live.bad_message"


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (live_connection.MAX_MESSAGE_BYTES + 2, "live.message_too_large"),
        (live_connection.MAX_READ_BYTES + 2, None),  # cut off while it arrives
    ],
)
async def test_message_that_is_too_large_is_rejected(
    serve: Serve, size: int, code: str | None
) -> None:
    got, closed = await conversation(await serve(), json.dumps(START), b"\0" * size)

    errors = [message["error"]["code"] for message in got if message["type"] == "error"]
    assert errors == ([code] if code else [])
    assert closed == live.CLOSE_TOO_BIG


async def test_flood_of_single_samples_is_rejected(serve: Serve) -> None:
    got, _ = await conversation(await serve(), json.dumps(START), *[b"\0\0"] * 4000)

    assert got[-1]["error"]["code"] == "live.too_many_messages"


async def test_idle_connection_is_closed(serve: Serve) -> None:
    got, _ = await conversation(await serve(live_idle_s=0.2), json.dumps(START), SPEECH)

    assert got[-1]["error"]["code"] == "live.idle"


async def test_session_has_a_maximum_length(serve: Serve) -> None:
    got, _ = await conversation(await serve(live_session_s=5), json.dumps(START), *[SPEECH] * 4)

    assert got[-1]["error"]["code"] == "live.too_long"


async def test_of_fifty_concurrent_clients_all_beyond_the_limit_receive_live_busy(
    serve: Serve,
) -> None:
    url = await serve(live_sessions=2)
    async with connect(url) as one, connect(url) as two:
        for socket in (one, two):
            await socket.send(json.dumps(START))
            assert json.loads(await socket.recv())["type"] == "ready"

        others = await asyncio.gather(*(conversation(url, json.dumps(START)) for _ in range(48)))

    assert {messages[0]["error"]["code"] for messages, _ in others} == {"live.busy"}
    assert {code for _, code in others} == {live.CLOSE_TRY_LATER}
    assert others[0][0][0]["error"]["metadata"]["retry_after_s"] > 0


async def test_disconnecting_client_frees_its_slot_and_cancels_its_pass(
    serve: Serve, adapter: FakeAdapter
) -> None:
    url = await serve(live_sessions=1)
    adapter.block(Operation.TRANSCRIBE)
    async with connect(url) as socket:
        await socket.send(json.dumps(START))
        await socket.send(SPEECH)
        await adapter.reached(Operation.TRANSCRIBE)

    kind = "error"
    while kind == "error":  # the slot is free as soon as the pass is cancelled
        async with connect(url) as socket:
            with suppress(ConnectionClosed):
                await socket.send(json.dumps(START))
            kind = json.loads(await socket.recv())["type"]
    assert kind == "ready"
    assert adapter.cancelled


async def test_page_of_another_origin_is_rejected(serve: Serve) -> None:
    url = await serve()
    with pytest.raises(InvalidStatus) as rejected:
        async with connect(url, additional_headers={"Origin": "https://elsewhere.example"}):
            pass
    assert rejected.value.response.status_code == 403

    own = url.replace("ws:", "http:").removesuffix("/v1/live")
    async with connect(url, additional_headers={"Origin": own}) as socket:
        await socket.send(json.dumps(START))
        assert json.loads(await socket.recv())["type"] == "ready"


# --- tolerance ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", ["", b"", json.dumps({"type": "end"}), json.dumps({"type": "CloseStream"})]
)
@pytest.mark.parametrize("encoding", ["s16le", "f32le"])
async def test_every_end_and_encoding_gives_the_words(
    serve: Serve, end: str | bytes, encoding: str
) -> None:
    samples = sound(SCRIPT, 2.4)
    audio = samples.astype("<f4").tobytes() if encoding == "f32le" else pcm(samples)
    start = {**START, "sample_rate": 16_000.0, "encoding": encoding, "language": "en"}

    got, code = await conversation(
        await serve(), json.dumps(start), json.dumps({"type": "KeepAlive"}), audio, end
    )

    assert [message["text"] for message in got if message["type"] == "final"] == [
        "good morning to you"
    ]
    assert not [message for message in got if message["type"] == "notice"]
    assert code == live_connection.CLOSE_NORMAL


async def test_other_encoding_and_unknown_fields_are_noticed(serve: Serve) -> None:
    floats = sound(SCRIPT, 2.4).astype("<f4").tobytes()

    got, _ = await conversation(
        await serve(), json.dumps({**START, "interim_results": True}), floats, ""
    )

    notices = {
        message["code"]: message["message"] for message in got if message["type"] == "notice"
    }
    assert notices.keys() == {"live.unknown_field", "live.encoding"}
    assert "f32le" in notices["live.encoding"]
    assert "interim_results" in notices["live.unknown_field"]

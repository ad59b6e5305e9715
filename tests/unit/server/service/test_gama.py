"""GAMA's demo in the protocol of Gradio 3: its answers, and each of its failures as a typed error."""

from __future__ import annotations

import asyncio
import base64
import json
import socket

import pytest

from tests.gama_servers import (
    ANSWER,
    GRADIO3_CONFIG,
    INFO,
    Reply,
    StubServer,
    breaks_off,
    gives,
    gives_bytes,
    stub_server,
)
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.service.gama import GamaDemo

WAV = b"RIFF....WAVE"
QUESTION = "Is it raining?"
HTML = b"<!doctype html><title>This Space is paused</title>"
QUEUE_DEMANDED = gives({"detail": "Not authorized to skip the queue"}, 401)


async def ask(address: str, *, limit_s: float = 20.0, hub_url: str = "") -> tuple[str, str]:
    demo = GamaDemo(address, hub_url=hub_url)
    try:
        return await demo.ask(WAV, QUESTION, limit_s)
    finally:
        await demo.close()


async def error_of(address: str, **options: str) -> Wav2Vec2Error:
    with pytest.raises(Wav2Vec2Error) as raised:
        await ask(address, **options)  # type: ignore[arg-type]
    return raised.value


async def test_file_and_question_are_sent_as_gradio_3_expects_them() -> None:
    with stub_server() as stub:
        assert await ask(f"{stub.url}/") == (INFO, ANSWER)

    [(config, _), (run, body)] = stub.requests
    assert (config, run) == ("GET /config", "POST /run/predict")
    file, question = body["data"]
    assert question == QUESTION
    assert file["name"] == "u.wav"
    kind, encoded = file["data"].split(",")
    assert kind == "data:audio/wav;base64"
    assert base64.b64decode(encoded) == WAV


@pytest.mark.parametrize("protocol", [{}, {"protocol": "ws"}, {"protocol": None}])
async def test_absent_protocol_and_ws_mean_gradio_3(protocol: dict[str, str | None]) -> None:
    with stub_server(config=gives({**GRADIO3_CONFIG, **protocol})) as stub:
        assert await ask(stub.url) == (INFO, ANSWER)


@pytest.mark.parametrize(
    "answer", [["", ""], [" info ", "Antwort: Straße 🚗\n"], ["a" * 20_000, "b"]]
)
async def test_every_two_texts_are_an_answer(answer: list[str]) -> None:
    with stub_server(run=gives({"data": answer})) as stub:
        assert await ask(stub.url) == (answer[0].strip(), answer[1].strip())


WRONG: dict[str, object] = {
    "one output": {"data": [ANSWER]},
    "three outputs": {"data": [INFO, ANSWER, ANSWER]},
    "no output": {"data": []},
    "a text": {"data": "ab"},
    "a number": {"data": [INFO, 3]},
    "null": {"data": [None, ANSWER]},
    "no data": {"duration": 1},
    "a list": [INFO, ANSWER],
    "a word": "yes",
    "a long text": {"data": [INFO, "x" * 20_001]},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
async def test_answer_of_another_shape_is_a_typed_error(body: object) -> None:
    with stub_server(run=gives(body)) as stub:
        error = await error_of(stub.url)

    assert (error.code, error.retryable) == ("describe.bad_answer", False)
    assert error.hint


FAILURES: dict[str, tuple[Reply, str, bool]] = {
    "500": (gives({"error": "CUDA out of memory"}, 500), "describe.server_failed", True),
    "502": (gives_bytes(HTML, 502, "text/html"), "describe.server_failed", True),
    "503": (gives_bytes(HTML, 503, "text/html"), "describe.server_failed", True),
    "error in JSON": (gives({"error": "boom"}), "describe.server_failed", True),
    "429": (gives({}, 429), "describe.busy", True),
    "401": (gives({"detail": "Not authenticated"}, 401), "describe.closed", False),
    "403": (gives({}, 403), "describe.closed", False),
    "404": (gives({}, 404), "describe.closed", False),
    "queue demanded": (QUEUE_DEMANDED, "describe.unsupported", False),
    "422": (gives({"detail": []}, 422), "describe.bad_answer", False),
    "not JSON": (gives_bytes(b"<html>", 200), "describe.bad_answer", False),
    "not UTF-8": (gives_bytes(b'{"data": ["\xff", ""]}', 200), "describe.bad_answer", False),
    "too long": (gives_bytes(b" " * (5 << 20), 200), "describe.bad_answer", False),
    "dropped in the middle": (breaks_off(), "describe.disconnected", True),
    "dropped at once": (lambda one: one.connection.shutdown(2), "describe.disconnected", True),
}


@pytest.mark.parametrize(("reply", "code", "retryable"), FAILURES.values(), ids=FAILURES)
async def test_failures_of_the_answer_are_typed(reply: Reply, code: str, retryable: bool) -> None:
    with stub_server(run=reply) as stub:
        error = await error_of(stub.url)

    assert (error.code, error.retryable) == (code, retryable)
    assert error.hint
    assert stub.url not in json.dumps(error.public())
    assert "CUDA" not in json.dumps(error.public())


CONFIGS: dict[str, tuple[Reply, str]] = {
    "paused Space": (gives_bytes(HTML, 503, "text/html"), "describe.server_failed"),
    "private Space": (gives_bytes(HTML, 401, "text/html"), "describe.closed"),
    "deleted Space": (gives_bytes(HTML, 404, "text/html"), "describe.closed"),
    "another site": (gives_bytes(HTML, 200, "text/html"), "describe.unsupported"),
    "a list": (gives([]), "describe.unsupported"),
    "no dependencies": (gives({"version": "3.47.1"}), "describe.unsupported"),
    "no /predict": (gives({"dependencies": [{"api_name": "x"}, 3]}), "describe.unsupported"),
    "dropped in the middle": (breaks_off(b'{"version": "3'), "describe.disconnected"),
}


@pytest.mark.parametrize(("reply", "code"), CONFIGS.values(), ids=CONFIGS)
async def test_failures_of_the_configuration_are_typed(reply: Reply, code: str) -> None:
    with stub_server(config=reply) as stub:
        error = await error_of(stub.url)

    assert error.code == code
    assert [path for path, _ in stub.requests] == ["GET /config"]


async def test_refused_connection_is_a_typed_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await error_of(f"http://127.0.0.1:{unused.getsockname()[1]}")

    assert (error.code, error.retryable) == ("describe.unreachable", True)


@pytest.mark.parametrize("address", ["http://[::", "http://no such host", "https://127.0.0.1:1"])
async def test_unusable_address_is_a_typed_error(address: str) -> None:
    assert (await error_of(address)).code == "describe.unreachable"


async def test_server_that_does_not_answer_is_a_typed_error() -> None:
    with stub_server() as stub:
        stub.replies["POST /run/predict"] = stub.hangs()
        with pytest.raises(Wav2Vec2Error) as raised:
            await ask(stub.url, limit_s=0.2)

    assert raised.value.code == "describe.timeout"


async def test_question_to_a_server_that_does_not_answer_can_be_cancelled() -> None:
    with stub_server() as stub:
        stub.replies["POST /run/predict"] = stub.hangs()
        question = asyncio.create_task(ask(stub.url))
        await asyncio.to_thread(stub.reached.wait)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question


# --- names of Spaces ------------------------------------------------------------------------------


def hub(stub: StubServer, **found: object) -> None:
    stub.replies["GET /api/spaces/sonal/gama"] = gives(found)


async def test_space_is_looked_up_by_its_name() -> None:
    with stub_server() as stub:
        hub(stub, host=stub.url, runtime={"stage": "RUNNING"})
        assert await ask("sonal/gama", hub_url=stub.url) == (INFO, ANSWER)


@pytest.mark.parametrize("stage", ["PAUSED", "STOPPED", "RUNTIME_ERROR", "BUILD_ERROR"])
async def test_closed_space_is_not_called(stage: str) -> None:
    with stub_server() as stub:
        hub(stub, host=stub.url, runtime={"stage": stage})
        error = await error_of("sonal/gama", hub_url=stub.url)

    assert (error.code, len(stub.requests)) == ("describe.closed", 1)


@pytest.mark.parametrize("found", [{}, {"host": None}, {"host": "file:///etc"}, {"runtime": 3}])
async def test_space_without_an_address_is_closed(found: dict[str, object]) -> None:
    with stub_server() as stub:
        hub(stub, **found)
        assert (await error_of("sonal/gama", hub_url=stub.url)).code == "describe.closed"


async def test_space_that_does_not_exist_is_closed() -> None:
    with stub_server() as stub:
        assert (await error_of("no/such", hub_url=stub.url)).code == "describe.closed"

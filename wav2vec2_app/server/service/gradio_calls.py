"""Calls of a Gradio demo on another server, in the two protocols that its versions have.

Both send a WAV file and a question, and return what the demo answers, unchecked. Cancelling a call closes its
connections.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Final

import httpx

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.deadline import CANCEL_GRACE_S

CONNECT_S: Final = 10.0
"""Time after which a server that cannot be connected to counts as unreachable, seconds."""
MAX_BODY_BYTES: Final = 4 << 20
"""Longest answer that is read, bytes."""

Translate = Callable[[BaseException], Wav2Vec2Error]
"""Makes a typed error of what a call raised."""


def timeout(limit_s: float) -> httpx.Timeout:
    """The timeouts of a call that may take ``limit_s`` seconds."""
    return httpx.Timeout(limit_s, connect=min(limit_s, CONNECT_S))


async def body_of(response: httpx.Response) -> bytes:
    """The body of a streamed response.

    Raises:
        httpx.DecodingError: it is too long.
    """
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise httpx.DecodingError("the answer is too long", request=response.request)
    return bytes(body)


# --- Gradio 3 -----------------------------------------------------------------------------------


def gradio3_request(wav: bytes, question: str) -> Mapping[str, object]:
    """The JSON of a call of Gradio 3: the file is part of it."""
    encoded = base64.b64encode(wav).decode("ascii")
    return {"data": [{"name": "u.wav", "data": f"data:audio/wav;base64,{encoded}"}, question]}


# --- Gradio 4 and later -------------------------------------------------------------------------


async def predict_with_gradio_client(
    url: str, wav: bytes, question: str, limit_s: float | None, translate: Translate
) -> object:
    """Call ``/predict`` with ``gradio_client``, in a thread.

    ``limit_s`` is the time limit of each request, seconds. It must be None for the protocol ``sse`` of
    Gradio 4.0: there ``gradio_client`` sets timeouts itself.

    Raises:
        Wav2Vec2Error: what ``translate`` makes of an error.
    """
    connections = Connections()
    with tempfile.TemporaryDirectory(prefix="wav2vec2-") as folder:
        file = Path(folder) / "u.wav"

        def call() -> object:
            try:
                file.write_bytes(wav)
                return _predict(url, file, question, limit_s, connections)
            except Exception as error:
                raise translate(error) from error

        work = asyncio.ensure_future(asyncio.to_thread(call))
        work.add_done_callback(_retrieved)
        try:
            return await asyncio.shield(work)
        finally:
            connections.close()
            if not work.done():
                await asyncio.wait({work}, timeout=CANCEL_GRACE_S / 2)


def _retrieved(work: asyncio.Future[object]) -> None:
    """Retrieve an exception that is not needed, so that asyncio does not log it."""
    if not work.cancelled():
        work.exception()


def _predict(
    url: str, file: Path, question: str, limit_s: float | None, connections: Connections
) -> object:
    from gradio_client import Client, handle_file

    class PrivateClient(Client):  # type: ignore[misc]
        def _telemetry_thread(self) -> None:
            """Send nothing; ``analytics_enabled=False`` has no effect."""

    client = PrivateClient(
        url,
        token=False,  # a token on this machine's disk is not for other servers
        verbose=False,
        download_files=False,
        httpx_kwargs={"auth": connections} | ({"timeout": timeout(limit_s)} if limit_s else {}),
    )
    try:
        return client.predict(handle_file(file), question, api_name="/predict")
    finally:
        connections.close()  # else the next line waits for a heartbeat of the server
        client.close()


class Connections(httpx.Auth):
    """The sockets of all requests that are sent with it, so that another thread can close them.

    ``gradio_client`` cannot be interrupted while it waits for a server; when its connection is closed it
    fails. It passes on no other argument of httpx through which a request can be observed.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._closed = False

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Note the sockets of ``request``; nothing is added to it."""
        request.extensions = {**request.extensions, "trace": self._trace}
        yield request

    def close(self) -> None:
        """Close all connections; later ones are closed when they are made."""
        self._closed = True
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            stream = info.get("return_value")
            found = getattr(stream, "get_extra_info", lambda _: None)("socket")
            if isinstance(found, socket.socket):
                self._sockets.append(found)
                if self._closed:
                    self.close()

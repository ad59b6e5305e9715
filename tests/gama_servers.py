"""Servers with the contract of GAMA's demo on loopback: a stub of Gradio 3, and a real ``gr.Interface``."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

INFO, ANSWER = "Audio info: 10.0 s at 16 kHz", "A dog barks in the rain."
GRADIO3_CONFIG: dict[str, Any] = {
    "version": "3.47.1",
    "enable_queue": True,
    "dependencies": [{"api_name": "predict", "queue": None}, {"api_name": "clear"}],
}

Reply = Callable[["Handler"], None]


def gives(body: object, status: int = 200) -> Reply:
    """Reply with JSON."""
    return gives_bytes(json.dumps(body).encode(), status)


def gives_bytes(body: bytes, status: int = 200, kind: str = "application/json") -> Reply:
    def reply(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def breaks_off(body: bytes = b'{"data": ["half') -> Reply:
    """Announce a long body, send the beginning, and close the connection."""

    def reply(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    return reply


@dataclass
class StubServer:
    """A server that replies as the test says.

    Attributes:
        url: its address.
        replies: by method and path.
        requests: method, path and JSON of each request.
        release: set at the end; replies that never come wait for it.
    """

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def hangs(self) -> Reply:
        """Never reply."""

        def reply(_: Handler) -> None:
            self.reached.set()
            self.release.wait()

        return reply


class Handler(BaseHTTPRequestHandler):
    stub: StubServer

    def do_GET(self) -> None:
        self._reply("GET", None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._reply("POST", json.loads(body))

    def _reply(self, method: str, body: Any) -> None:
        path = f"{method} {self.path.split('?')[0]}"
        self.stub.requests.append((path, body))
        self.stub.replies.get(path, gives({"detail": "Not Found"}, 404))(self)

    def log_message(self, *args: object) -> None:
        """Silence."""


@contextmanager
def stub_server(**replies: Reply) -> Iterator[StubServer]:
    """A server with the configuration of Gradio 3, ``run`` for its answers and ``config`` to replace it."""
    stub = StubServer()
    stub.replies = {
        "GET /config": replies.get("config", gives(GRADIO3_CONFIG)),
        "POST /run/predict": replies.get("run", gives({"data": [INFO, ANSWER], "duration": 1.0})),
    }
    handler = type("StubHandler", (Handler,), {"stub": stub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        stub.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Demo:
    """A real ``gr.Interface`` with GAMA's signature.

    Attributes:
        url: its address.
        calls: the content of each file and the question that it was asked.
        release: a question with ``wait`` in it is answered when this is set.
        waiting: set when such a question has come.
    """

    url: str = ""
    calls: list[tuple[bytes, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)


@contextmanager
def gradio_demo() -> Iterator[Demo]:
    """Serve the interface; ``/one`` below its address has one output instead of two."""
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    demo = Demo()

    def predict(audio_path: str, question: str) -> tuple[str, str]:
        with open(audio_path, "rb") as file:  # noqa: PTH123
            demo.calls.append((file.read(), question))
        if "fail" in question:
            raise RuntimeError("CUDA out of memory at /home/secret")
        if "wait" in question:
            demo.waiting.set()
            demo.release.wait()
        return INFO, f"{ANSWER} You asked: {question}"

    def interface(outputs: int) -> gr.Interface:
        def predict_some(audio_path: str, question: str) -> Any:
            return predict(audio_path, question)[:outputs] if outputs > 1 else ANSWER

        return gr.Interface(
            predict_some,
            inputs=[gr.Audio(type="filepath", label="Input Audio"), gr.Textbox(label="Question")],
            outputs=[gr.Textbox(label=str(number)) for number in range(outputs)],
            api_name="predict",
            flagging_mode="never",
            analytics_enabled=False,
        )

    started = threading.Event()
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        """Gradio makes event loops of its own, and leaves them open, where none is running."""
        app = gr.mount_gradio_app(FastAPI(), interface(1), path="/one")
        app = gr.mount_gradio_app(app, interface(2), path="/two")
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        startup = server.startup

        async def note_startup(sockets: list[socket.socket] | None = None) -> None:
            await startup(sockets)
            servers.append(server)
            started.set()

        server.startup = note_startup  # type: ignore[method-assign]
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait(60)
    [server] = servers
    demo.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/two"
    try:
        yield demo
    finally:
        demo.release.set()
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


@contextmanager
def cutting_proxy(url: str, path: str) -> Iterator[str]:
    """A proxy of ``url`` that closes the connection in the middle of its answer to ``path``."""
    import httpx

    class Proxy(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "accept-encoding", "connection")
            }
            if path in self.path:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b'20\r\ndata: {"msg": "est')
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            base = url.rsplit("/", 1)[0]
            answer = httpx.request(
                self.command, base + self.path, content=body, headers=headers, timeout=10
            )
            content = answer.content.replace(base.encode(), self.server.base)  # type: ignore[attr-defined]
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _pass_on  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    address = f"http://127.0.0.1:{server.server_address[1]}"
    server.base = address.encode()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{address}/{url.rsplit('/', 1)[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

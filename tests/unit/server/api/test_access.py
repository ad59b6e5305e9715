"""Access to the server: host names, origins, API keys, uploads of one client, a full disk."""

from __future__ import annotations

import base64
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket

from tests.doubles import FakeAdapter, FakeClock
from tests.unit.conftest import Start
from wav2vec2_app.errors import BusyError
from wav2vec2_app.server.api import access, add_routes, disk, live, quota
from wav2vec2_app.server.api.access import Access
from wav2vec2_app.server.api.live import SessionSlots
from wav2vec2_app.server.api.quota import WINDOW_S, UploadQuota
from wav2vec2_app.server.clients import CLIENT_IN_SCOPE
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.settings import Settings

LOCAL = "127.0.0.1:7860"
PAGE = f"http://{LOCAL}"
UPLOAD = {"file": ("hello world.wav", b"RIFF" * 10)}

Connect = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def connect(start: Start, adapter: FakeAdapter) -> AsyncIterator[Connect]:
    """``await connect(api_keys=["a"])`` gives a client of a protected server."""
    clients: list[httpx.AsyncClient] = []

    async def connect(bounds: Any = None, **values: Any) -> httpx.AsyncClient:
        app, settings = FastAPI(), Settings(**values)
        add_routes(
            app,
            await start(adapter, **(bounds or {})),
            settings,
            render_metrics=bytes,
            metrics_content_type="text/plain",
        )

        @app.post("/gradio_api/queue/join")
        async def join(request: Request) -> str:
            await request.body()
            return str(request.scope[CLIENT_IN_SCOPE])

        app.add_middleware(Access, settings=settings)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PAGE)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.aclose()


def code(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


# --- host names and origins ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", [LOCAL, "localhost:7860", "[::1]:7860", "LOCALHOST", "192.168.1.5"]
)
async def test_names_and_addresses_of_this_machine_are_served(connect: Connect, host: str) -> None:
    client = await connect()

    assert (await client.get("/v1/models", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/gradio_api/queue/join", "/", "/metrics"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example"],
)
async def test_other_names_are_rejected_on_a_local_server(
    connect: Connect, host: str, path: str
) -> None:
    client = await connect()

    answer = await client.get(path, headers={"Host": host})

    assert (answer.status_code, code(answer)) == (403, "access.host")


@pytest.mark.parametrize("trusted", ["speech.example.org", "*"])
async def test_configured_names_are_served(connect: Connect, trusted: str) -> None:
    client = await connect(trusted_hosts=[trusted])

    answer = await client.get("/v1/models", headers={"Host": "speech.example.org"})

    assert answer.status_code == 200


async def test_server_for_everybody_is_served_under_any_name(connect: Connect) -> None:
    client = await connect(host="0.0.0.0")  # noqa: S104 - what is tested

    answer = await client.get("/v1/models", headers={"Host": "speech.example.org"})

    assert answer.status_code == 200


class Sent(NamedTuple):
    """What a browser sends along with a request."""

    headers: dict[str, str]
    trusted: bool


SENT = {
    "a program": Sent({}, trusted=True),
    "this page": Sent({"Origin": PAGE, "Sec-Fetch-Site": "same-origin"}, trusted=True),
    "another site": Sent({"Origin": "https://evil.example"}, trusted=False),
    "a page on another port": Sent({"Origin": "http://127.0.0.1:9999"}, trusted=False),
    "a file or a sandbox": Sent({"Origin": "null"}, trusted=False),
    "nonsense": Sent({"Origin": "http://[::1"}, trusted=False),
    "an image on another site": Sent(
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, trusted=False
    ),
    "a link on another site": Sent(
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, trusted=True
    ),
}


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/gradio_api/queue/join"])
@pytest.mark.parametrize("name", SENT)
async def test_page_on_another_site_cannot_use_the_server(
    connect: Connect, name: str, path: str
) -> None:
    client, sent = await connect(), SENT[name]

    answer = await client.post(path, files=UPLOAD, headers=sent.headers)

    assert answer.status_code == (200 if sent.trusted else 403), answer.text
    if not sent.trusted:
        assert code(answer) == "access.origin"


async def test_page_of_a_trusted_site_can_use_the_server(connect: Connect) -> None:
    client = await connect(trusted_origins=["https://friend.example"])

    answer = await client.get("/v1/models", headers={"Origin": "https://friend.example"})

    assert answer.status_code == 200


@pytest.mark.parametrize("name", [name for name, sent in SENT.items() if not sent.trusted])
async def test_websocket_of_another_site_is_rejected(name: str) -> None:
    async def app(*_: object) -> None:
        raise AssertionError("it was let through")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(k.lower().encode(), v.encode()) for k, v in SENT[name].headers.items()]
    scope = {
        "type": "websocket",
        "path": "/v1/live",
        "headers": [(b"host", LOCAL.encode()), *headers],
        "client": ("127.0.0.1", 1),
    }
    await Access(app, Settings())(scope, WebSocket, send)  # type: ignore[arg-type]

    assert sent == [{"type": "websocket.close", "code": access.CLOSE_REJECTED}]


# --- keys ---------------------------------------------------------------------------------------


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"me:{key}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer s3cret"},
        {"Authorization": basic("s3cret")},
        {"X-Api-Key": "s3cret"},
        {"Api-Key": "s3cret"},
        {"Authorization": "bearer  s3cret "},
        {"Authorization": "Bearer wrong", "X-Api-Key": "s3cret"},
    ],
)
async def test_request_with_a_key_is_served(connect: Connect, headers: dict[str, str]) -> None:
    client = await connect(api_keys=["other", "s3cret"])

    answer = await client.get("/v1/models", headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": basic("wrong")},
        {"Authorization": "Basic ???"},
        {"X-Api-Key": ""},
        {"Cookie": "wav2vec2_key=wrong"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/", "/gradio_api/info", "/metrics"])
async def test_request_without_a_valid_key_is_rejected(
    connect: Connect, headers: dict[str, str], path: str
) -> None:
    client = await connect(api_keys=["s3cret"])

    answer = await client.get(path, headers=headers)

    assert (answer.status_code, code(answer)) == (401, "access.key")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_browser_gets_a_cookie_that_stands_for_its_key(connect: Connect) -> None:
    client = await connect(api_keys=["s3cret"])
    first = await client.get("/v1/models", headers={"Authorization": basic("s3cret")})

    assert "HttpOnly" in first.headers["set-cookie"]
    assert "s3cret" not in first.headers["set-cookie"]
    assert (await client.get("/v1/models")).status_code == 200


TRUSTED = "https://friend.example"


@pytest.mark.parametrize(
    ("settings", "headers", "rejected"),
    [
        ({"api_keys": ["s3cret"]}, {}, "access.key"),
        ({"api_keys": ["s3cret"]}, {"Authorization": "Bearer wrong"}, "access.key"),
        ({}, {"Host": "evil.example"}, "access.host"),
        ({"client_upload_bytes": 1}, {}, "client.uploads"),
        ({"client_upload_bytes": 0}, {"Content-Length": str(1 << 60)}, "resource.disk"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/gradio_api/queue/join"])
async def test_page_of_a_trusted_site_can_read_why_its_request_was_rejected(
    connect: Connect,
    settings: dict[str, Any],
    headers: dict[str, str],
    rejected: str,
    path: str,
) -> None:
    client = await connect(trusted_origins=[TRUSTED], **settings)

    answer = await client.post(path, content=b"RIFF" * 10, headers={"Origin": TRUSTED, **headers})

    assert code(answer) == rejected
    assert answer.headers["access-control-allow-origin"] == TRUSTED
    assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


async def test_page_of_another_site_cannot_read_why_its_request_was_rejected(
    connect: Connect,
) -> None:
    client = await connect(trusted_origins=[TRUSTED], api_keys=["s3cret"])

    answer = await client.post(
        "/v1/audio/transcriptions", files=UPLOAD, headers={"Origin": "https://evil.example"}
    )

    assert code(answer) == "access.origin"
    assert "access-control-allow-origin" not in answer.headers


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.mark.parametrize(
    "path", ["/v1/audio/transcriptions", "/v1/audio/alignments", "/v1/models", "/v1/models/auto"]
)
async def test_preflight_needs_no_key_and_the_request_after_it_does(
    connect: Connect, path: str
) -> None:
    client = await connect(trusted_origins=[TRUSTED], api_keys=["s3cret"])

    allowed = await client.options(path, headers={"Origin": TRUSTED, **PREFLIGHT})
    other = await client.options(path, headers={"Origin": "https://evil.example", **PREFLIGHT})
    bare = await client.options(path)
    after = await client.get(path, headers={"Origin": TRUSTED})

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == TRUSTED
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers
    assert bare.status_code == 204
    assert after.status_code == 401


async def test_preflight_under_an_unknown_host_name_is_no_permission(connect: Connect) -> None:
    client = await connect(trusted_origins=[TRUSTED])

    answer = await client.options(
        "/v1/models", headers={"Origin": TRUSTED, "Host": "evil.example", **PREFLIGHT}
    )

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def upgrade(headers: dict[str, str], **settings: Any) -> tuple[list[Any], list[str]]:
    """What a WebSocket client is sent, and the clients that were let through."""
    through: list[str] = []

    async def app(scope: Any, *_: object) -> None:
        through.append(scope[CLIENT_IN_SCOPE])

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "websocket",
        "path": "/v1/live",
        "headers": [(b"host", LOCAL.encode()), *raw],
        "client": ("127.0.0.1", 1),
    }
    await Access(app, Settings(**settings))(scope, WebSocket, send)  # type: ignore[arg-type]
    return sent, through


COOKIE = f"{access.COOKIE}={access._digest('s3cret')}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": PAGE, "Cookie": COOKIE},
        {"Origin": PAGE, "Cookie": f"theme=dark; {COOKIE}"},
        {"Origin": PAGE, "Authorization": basic("s3cret")},
        {"Origin": PAGE, "Sec-WebSocket-Protocol": "wav2vec2-key.s3cret"},
        {"Origin": TRUSTED, "Sec-WebSocket-Protocol": "realtime, wav2vec2-key.s3cret"},
        {"Origin": TRUSTED, "Sec-WebSocket-Protocol": "realtime,openai-insecure-api-key.s3cret"},
        {"Authorization": "Bearer s3cret"},
        {"X-Api-Key": "s3cret"},
    ],
)
async def test_websocket_with_a_key_is_accepted(headers: dict[str, str]) -> None:
    sent, through = await upgrade(headers, api_keys=["s3cret"], trusted_origins=[TRUSTED])

    assert sent == []
    assert [client[:4] for client in through] == ["key:"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": PAGE},
        {"Origin": PAGE, "Cookie": f"{access.COOKIE}=s3cret"},
        {"Origin": PAGE, "Sec-WebSocket-Protocol": "realtime"},
        {"Origin": PAGE, "Sec-WebSocket-Protocol": "wav2vec2-key."},
        {"Origin": PAGE, "Sec-WebSocket-Protocol": "wav2vec2-key.wrong"},
        {"Origin": PAGE, "Sec-WebSocket-Protocol": "s3cret"},
        {"Origin": "https://evil.example", "Cookie": COOKIE},
        {"Origin": "https://evil.example", "Sec-WebSocket-Protocol": "wav2vec2-key.s3cret"},
        {"Origin": "null", "Authorization": "Bearer s3cret"},
    ],
)
async def test_websocket_without_a_key_or_of_another_site_is_rejected(
    headers: dict[str, str],
) -> None:
    sent, through = await upgrade(headers, api_keys=["s3cret"], trusted_origins=[TRUSTED])

    assert sent == [{"type": "websocket.close", "code": access.CLOSE_REJECTED}]
    assert through == []


async def test_key_in_a_subprotocol_may_have_any_character() -> None:
    key = "a b,ü/="
    _, through = await upgrade(
        {"Sec-WebSocket-Protocol": f"wav2vec2-key.{quote(key, safe='')}"}, api_keys=[key]
    )

    assert len(through) == 1


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        (["realtime", "wav2vec2-key.k"], "realtime"),
        (["wav2vec2-key.k", "realtime"], "realtime"),
        (["wav2vec2-key.k"], "wav2vec2-key.k"),
    ],
)
def test_chosen_subprotocol_is_one_of_those_offered(offered: list[str], chosen: str | None) -> None:
    scope = {"type": "websocket", "subprotocols": offered}
    socket = WebSocket(scope, receive=None, send=None)  # type: ignore[arg-type]

    assert live._subprotocol(socket) == chosen


async def test_health_needs_no_key(connect: Connect) -> None:
    client = await connect(api_keys=["s3cret"])

    assert (await client.get("/healthz")).status_code == 200


async def test_client_is_its_key_else_its_address(connect: Connect) -> None:
    without = await (await connect()).post("/gradio_api/queue/join")
    client = await connect(api_keys=["s3cret"])
    with_key = await client.post(
        "/gradio_api/queue/join", headers={"Authorization": "Bearer s3cret"}
    )

    assert without.json() == "address:127.0.0.1"
    assert with_key.json().startswith("key:")
    assert "s3cret" not in with_key.json()


# --- uploads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/gradio_api/queue/join"])
async def test_client_that_uploads_too_much_is_rejected_for_a_while(
    connect: Connect, path: str
) -> None:
    client = await connect(client_upload_bytes=300)
    first = await client.post(path, files=UPLOAD)

    second = await client.post(path, files=UPLOAD)

    assert first.status_code == 200
    assert (second.status_code, code(second)) == (429, "client.uploads")
    assert int(second.headers["retry-after"]) > 0


def test_bytes_of_the_last_hour_count() -> None:
    clock = FakeClock()
    uploads = UploadQuota(100, clock=clock)
    uploads.add("one", 60)
    clock.advance(WINDOW_S / 2)
    uploads.add("one", 40)

    with pytest.raises(BusyError) as rejected:
        uploads.check("one", 50)
    uploads.check("two", 100)
    assert rejected.value.metadata["retry_after_s"] == WINDOW_S / 2
    clock.advance(WINDOW_S / 2)
    uploads.check("one", 50)


def test_only_so_many_clients_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "MAX_CLIENTS", 3)
    uploads = UploadQuota(100, clock=FakeClock())
    for number in range(10):
        uploads.add(str(number), 100)

    assert len(uploads._uploads) == 3


async def test_full_disk_is_a_typed_error_before_the_upload_is_read(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "CHECKED_BYTES", 0)
    monkeypatch.setattr(disk, "MIN_FREE_BYTES", 1 << 62)
    client = await connect()

    answer = await client.post("/gradio_api/queue/join", files=UPLOAD)

    assert (answer.status_code, code(answer)) == (503, "resource.disk")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_disk_that_fills_up_during_an_upload_leaves_nothing_behind(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fill_up(*_: object) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr(shutil, "copyfileobj", fill_up)
    client = await connect()

    answer = await client.post("/v1/audio/transcriptions", files=UPLOAD)

    assert (answer.status_code, code(answer)) == (503, "resource.disk")
    assert list(tmp_path.iterdir()) == []


# --- live sessions ------------------------------------------------------------------------------


async def test_one_client_never_gets_all_live_sessions() -> None:
    slots = SessionSlots(4, 8)
    async with slots.slot("one"), slots.slot("one"), slots.slot("one"):
        with pytest.raises(BusyError) as rejected:
            async with slots.slot("one"):
                pass
        async with slots.slot("two"):
            pass

    assert rejected.value.code == "client.live"
    async with slots.slot("one"):
        pass


async def test_the_only_live_session_is_for_any_client() -> None:
    slots = SessionSlots(1, 3)
    async with slots.slot("one"):
        with pytest.raises(BusyError) as rejected:
            async with slots.slot("two"):
                pass

    assert rejected.value.code == "live.busy"


# --- whose results -------------------------------------------------------------------------------


async def test_better_model_that_arrives_changes_the_answer_of_a_cached_recording(
    connect: Connect, adapter: FakeAdapter
) -> None:
    client = await connect(bounds={"cache_bytes": 10**8}, api_keys=["s3cret"])

    async def answer() -> str:
        response = await client.post(
            "/v1/audio/transcriptions", files=UPLOAD, headers={"X-Api-Key": "s3cret"}
        )
        return response.headers["x-model"]

    before = [await answer(), await answer()]
    runs = adapter.count(Operation.TRANSCRIBE)
    adapter.default_model = "fake/better"
    after = [await answer(), await answer()]

    assert (before, after) == (["fake/wav2vec2"] * 2, ["fake/better"] * 2)
    assert adapter.count(Operation.TRANSCRIBE) == runs + 1

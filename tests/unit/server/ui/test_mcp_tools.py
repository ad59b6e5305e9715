from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.responses import PlainTextResponse

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.ui.gradio_internals import UPLOADS_VARIABLE
from wav2vec2_app.server.ui.mcp_files import tool_file
from wav2vec2_app.server.ui.mcp_tools import MAX_PROGRAMS, bounded, bounded_sessions

INNER = PlainTextResponse("called")


def client(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")  # type: ignore[arg-type]


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv(UPLOADS_VARIABLE, str(folder))
    return folder


@pytest.mark.parametrize("prefix", ["", "data:audio/wav;base64,", "DATA:;base64,"])
def test_a_recording_in_the_request_is_a_file_until_the_call_ends(
    uploads: Path, prefix: str
) -> None:
    with tool_file(prefix + base64.b64encode(b"sound").decode(), 5) as file:
        assert file is not None
        path = Path(str(file["path"]))
        assert path.read_bytes() == b"sound"
        assert path.is_relative_to(uploads)
    assert list(uploads.iterdir()) == []


def test_only_paths_of_uploads_are_accepted(uploads: Path, tmp_path: Path) -> None:
    (uploads / "a.wav").write_bytes(b"sound")
    (tmp_path / "secret.wav").write_bytes(b"sound")
    (uploads / "link.wav").symlink_to(tmp_path / "secret.wav")
    with tool_file(str(uploads / "a.wav"), 5) as file:
        assert file is not None
        assert file["path"] == str(uploads / "a.wav")
    for value in (tmp_path / "secret.wav", uploads / "../secret.wav", uploads / "link.wav"):
        with pytest.raises(InputError, match="not a file"), tool_file(str(value), 10_000):
            pass


def test_a_recording_above_the_limit_is_rejected_before_it_is_decoded(uploads: Path) -> None:
    with pytest.raises(InputError) as caught, tool_file("A" * 4000, 100):
        pass
    assert caught.value.code == "audio.too_large"


async def test_a_body_that_is_too_large_or_of_unknown_size_is_rejected() -> None:
    async def parts():  # type: ignore[no-untyped-def]
        yield b"x"

    async with client(bounded(INNER, 10)) as http:
        small = await http.post("/", content=b"x" * 10)
        large = await http.post("/", content=b"x" * 11)
        unknown = await http.post("/", content=parts())
    assert [small.status_code, large.status_code, unknown.status_code] == [200, 413, 413]


async def test_no_more_sessions_are_opened_than_the_limit() -> None:
    manager = SimpleNamespace(_server_instances=dict.fromkeys(range(MAX_PROGRAMS)))
    async with client(bounded_sessions(INNER, manager)) as http:
        opening = await http.post("/")
        known = await http.post("/", headers={"mcp-session-id": "1"})
        manager._server_instances.pop(0)
        later = await http.post("/")
    assert [opening.status_code, known.status_code, later.status_code] == [429, 200, 200]
    assert json.loads(opening.content)["error"]["code"] == "mcp.busy"
    assert opening.headers["Retry-After"] == "60"

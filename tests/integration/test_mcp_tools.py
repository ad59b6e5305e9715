"""The tools of the Model Context Protocol, called by its own client over loopback."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from benchmarks.server import RunningServer
from tests.examples import clips

ENDPOINTS = {
    "transcribe", "analyze", "decode", "align", "capabilities", "status", "compare", "explore",
    "explain", "layers", "find",
}  # fmt: skip


@asynccontextmanager
async def session_with(server: RunningServer) -> AsyncIterator[ClientSession]:
    async with (
        streamable_http_client(f"{server.url}/gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


async def called(session: ClientSession, tool: str, **arguments: Any) -> Any:
    result = await session.call_tool(tool, arguments)
    [content] = result.content
    assert content.type == "text"
    assert content.text.startswith("{"), content.text
    assert json.loads(content.text) == result.structuredContent  # type: ignore[union-attr]
    answer: Any = result.structuredContent
    assert result.isError == ("error" in answer)
    return answer


async def test_a_program_transcribes_decodes_again_and_aligns_by_tools(
    server: RunningServer,
) -> None:
    clip = clips()[0]
    audio = "data:audio/flac;base64," + base64.b64encode(clip.path.read_bytes()).decode()
    async with session_with(server) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == ENDPOINTS  # none of the page's own events
        transcribe = tools["transcribe"]
        assert "seconds" in (transcribe.description or "")
        fields = transcribe.inputSchema["properties"]
        assert "base64" in fields["audio"]["description"]
        assert fields["decoder"]["description"]

        answer = await called(session, "transcribe", audio=audio)
        assert answer["words"][-1]["end"] <= answer["duration_s"]
        again = await called(session, "decode", request_id=answer["request_id"], decoder="greedy")
        assert again.get("decoder") == "greedy", again
        async with session_with(server) as other:
            stolen = await called(other, "decode", request_id=answer["request_id"])
        assert stolen["error"]["code"] == "task.not_cached"
        aligned = await called(session, "align", audio=audio, text=answer["text"])
        assert len(aligned["words"]) == len(answer["words"])
        assert "error" not in await called(session, "status")
        word = max(answer["words"], key=lambda one: len(one["text"]))
        for how in (
            {"word": word["text"]},
            {"query": audio},
            {"start": word["start"], "end": word["end"]},
        ):
            found = await called(session, "find", audio=audio, **how)
            assert found["hits"][0]["score"] > 0.5, found
            assert found["hits"][0]["start"] <= word["end"]

        async with httpx.AsyncClient(base_url=server.url) as http:
            files = {"files": (clip.path.name, clip.path.read_bytes())}
            [path] = (await http.post("/gradio_api/upload", files=files)).json()
        uploaded = await called(session, "transcribe", audio=path)
        assert uploaded["text"] == answer["text"]


async def test_what_a_tool_cannot_use_is_a_typed_error_with_a_hint(server: RunningServer) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("transcribe", {}, "audio.missing"),
        ("transcribe", {"audio": "/etc/passwd"}, "request.bad_value"),
        ("transcribe", {"audio": "file:///etc/passwd"}, "request.bad_value"),
        ("transcribe", {"audio": "http://127.0.0.1/a.wav"}, "request.bad_value"),
        ("transcribe", {"audio": 7}, "request.bad_value"),
        ("transcribe", {"audio": "bm8gYXVkaW8="}, "audio.not_audio"),
        ("transcribe", {"sound": ""}, "request.bad_value"),
        ("decode", {"request_id": "unknown"}, "task.not_cached"),
        ("erase", {}, "request.bad_value"),
    ]
    async with session_with(server) as session:
        found = [await called(session, tool, **values) for tool, values, _ in cases]
    codes = [answer["error"]["code"] for answer in found]
    assert codes == [code for *_, code in cases]
    assert all(answer["error"]["hint"] for answer in found)


async def test_the_tools_have_the_protections_of_the_other_endpoints(
    server: RunningServer,
) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        evil = await http.post(
            "/gradio_api/mcp/", json={}, headers={"Origin": "https://evil.example"}
        )
        rebound = await http.post("/gradio_api/mcp/", json={}, headers={"Host": "evil.example"})
        huge = await http.post("/gradio_api/mcp/", content=b"x" * (56 << 20))
    assert [evil.status_code, rebound.status_code] == [403, 403]
    assert huge.status_code == 413
    assert huge.json()["error"]["code"] == "audio.too_large"

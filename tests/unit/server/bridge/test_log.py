from __future__ import annotations

import asyncio
import logging

import pytest

from wav2vec2_app.server.bridge.log import WorkerLog


async def follow(*chunks: bytes) -> WorkerLog:
    log = WorkerLog("toy")
    stream = asyncio.StreamReader()
    following = asyncio.create_task(log.follow(stream))
    for chunk in chunks:
        stream.feed_data(chunk)
        await asyncio.sleep(0)
    stream.feed_eof()
    await following
    return log


async def test_lines_are_complete_whatever_the_pieces(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await follow(b"ERR", b"OR lib: bro", b"ken\n    at", b" line 3\nDEBUG fine\nprint", b"ed")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "lib: broken"),
        ("ERROR", "    at line 3"),
        ("DEBUG", "fine"),
        ("INFO", "printed"),
    ]


async def test_endless_line_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await follow(*[b"x" * 5000] * 10, b"\nend\n")
    assert max(len(message) for message in caplog.messages) == 2000
    assert caplog.messages[-1] == "end"


async def test_bytes_that_are_not_utf8_are_replaced(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await follow(b"caf\xe9\n")
    assert caplog.messages == ["caf\ufffd"]


async def test_only_the_last_lines_are_remembered() -> None:
    log = await follow(b"".join(b"line %d\n" % number for number in range(100)))
    assert log.last_lines.splitlines() == [f"line {number}" for number in range(80, 100)]

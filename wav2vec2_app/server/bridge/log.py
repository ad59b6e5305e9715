"""Passes a worker's stderr on to the log."""

from __future__ import annotations

import asyncio
import collections
import logging
import re

_LINE_CHARS = 2000
_LAST_LINES = 20
_LEVELS = {
    name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
}
_REQUEST = re.compile(r"request ([0-9a-f-]{36}) ")
_LEVEL_PREFIX = re.compile(rf"({'|'.join(_LEVELS)}) ")


class WorkerLog:
    """Logs lines under ``wav2vec2_app.worker.<role>`` and remembers the last ones.

    A line that begins with a level is logged at it; an indented line continues the one before; any
    other line (a library's print, a crash dump) is information.
    """

    def __init__(self, role: str) -> None:
        self._logger = logging.getLogger(f"wav2vec2_app.worker.{role}")
        self._level = logging.INFO
        self._last: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)

    @property
    def last_lines(self) -> str:
        """The last lines, for the report of a crash."""
        return "\n".join(self._last)

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Log the stream until it ends; a line that is too long is cut, so memory stays bounded."""
        rest = b""
        while chunk := await stream.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LINE_CHARS:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._add(line)
        if rest:
            self._add(rest)

    def _add(self, line: bytes) -> None:
        text = line[:_LINE_CHARS].decode(errors="replace").rstrip()
        if match := _LEVEL_PREFIX.match(text):
            self._level, text = _LEVELS[match[1]], text[match.end() :]
        elif not text.startswith(" "):
            self._level = logging.INFO
        self._last.append(text)
        request = _REQUEST.match(text)
        facts = {"request_id": request[1]} if request else {}
        self._logger.log(self._level, "%s", text, extra=facts)

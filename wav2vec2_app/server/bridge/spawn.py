"""Starts a worker process with its three pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Mapping
from dataclasses import dataclass, field

_READ_AHEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class WorkerSpec:
    """How to start a worker: role, command line, and variables added to the server's environment."""

    role: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class PipesProtocol(SubprocessStreamProtocol):
    """Reports the exit of the process even while its own child processes hold the pipes open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=_READ_AHEAD_BYTES, loop=loop)
        self.exited: asyncio.Future[None] = loop.create_future()

    def process_exited(self) -> None:
        super().process_exited()
        if not self.exited.done():
            self.exited.set_result(None)


async def spawn(spec: WorkerSpec) -> tuple[asyncio.SubprocessTransport, PipesProtocol]:
    """Start a process in a session of its own, so that Ctrl-C reaches only the parent.

    Raises:
        OSError: the program cannot be started.
    """
    loop = asyncio.get_running_loop()
    return await loop.subprocess_exec(
        lambda: PipesProtocol(loop),
        *spec.argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **spec.env},
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )

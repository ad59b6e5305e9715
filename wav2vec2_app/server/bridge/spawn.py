"""Starts a worker process with its three pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

_READ_AHEAD_BYTES = 1 << 20
HARMLESS = (
    "PATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "TEMP", "TMP", "TMPDIR",
    "LANG", "LANGUAGE", "LC_*", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV",
    "PYTHON*", "COVERAGE_*", "MPLCONFIGDIR", "*_NUM_THREADS", "HOME", "USERPROFILE", "XDG_CACHE_HOME",
)  # fmt: skip
"""Environment variables without secrets, which an isolated worker gets."""


@dataclass(frozen=True)
class WorkerSpec:
    """How to start a worker.

    Attributes:
        role: which worker.
        argv: command line.
        env: variables added to its environment.
        isolated: it gets only the variables of :data:`HARMLESS` from the server's environment, and
            runs in an empty folder of its own, which is removed when it has ended.
    """

    role: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    isolated: bool = False

    def environment(self) -> dict[str, str]:
        """All variables of the process."""
        passed = os.environ.items()
        if self.isolated:
            passed = {k: v for k, v in passed if fnmatch_any(k.upper(), HARMLESS)}.items()
        return {**dict(passed), **self.env}


def fnmatch_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether ``name`` matches one of ``patterns``."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class PipesProtocol(SubprocessStreamProtocol):
    """Reports the exit of the process even while its own child processes hold the pipes open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=_READ_AHEAD_BYTES, loop=loop)
        self.exited: asyncio.Future[None] = loop.create_future()

    def process_exited(self) -> None:
        super().process_exited()
        if not self.exited.done():
            self.exited.set_result(None)


async def spawn(
    spec: WorkerSpec, folder: Path | None = None
) -> tuple[asyncio.SubprocessTransport, PipesProtocol]:
    """Start a process in a session of its own, so that Ctrl-C reaches only the parent.

    ``folder``: where it runs; by default where the server runs.

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
        env=spec.environment(),
        cwd=folder,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )

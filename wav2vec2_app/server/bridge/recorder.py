"""Records the frames of requests to a folder, to be examined or replayed.

::

    FOLDER/<request id>/audio.worker.json          how the worker was started
                        0001-audio-probe.frames    the request, its progress, its response or error
                        0002-audio-decode_audio.frames

A ``.frames`` file is the frames as they cross the pipe, one after the other. Recordings have the users'
audio and text in them.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from wav2vec2_app.protocol.frame import Frame, encode
from wav2vec2_app.protocol.reader import read_frame
from wav2vec2_app.server.bridge.spawn import WorkerSpec

_log = logging.getLogger(__name__)

SUFFIX = ".frames"


class Recording:
    """The frames of one request."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, frame: Frame) -> None:
        """Append a frame; a full disk is logged, and does not fail the request."""
        try:
            with self._path.open("ab") as file:
                file.writelines(encode(frame))
        except OSError:
            _log.exception("the frames of a request cannot be recorded in %s", self._path.name)


class FrameRecorder:
    """Writes a file for each request of every worker that it is given to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    def begin(self, spec: WorkerSpec, request: Frame) -> Recording:
        """Start the recording of ``request``, which was sent to a worker started as ``spec``."""
        folder = self._folder / _file_name(str(request.meta.get("request_id", request.id)))
        name = f"{next(self._numbers):04d}-{spec.role}-{_file_name(request.op)}{SUFFIX}"
        recording = Recording(folder / name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_spec(folder, spec)
        except OSError:
            _log.exception("the frames of a request cannot be recorded")
        recording.add(request)
        return recording


def _write_spec(folder: Path, spec: WorkerSpec) -> None:
    facts = {"role": spec.role, "argv": spec.argv, "env": dict(spec.env),
             "isolated": spec.isolated}  # fmt: skip
    (folder / f"{spec.role}.worker.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def read_spec(folder: Path, role: str) -> WorkerSpec:
    """How the worker of a recorded request was started."""
    facts = json.loads((folder / f"{role}.worker.json").read_text(encoding="utf-8"))
    return WorkerSpec(
        facts["role"], tuple(facts["argv"]), facts["env"], facts.get("isolated", False)
    )


def read_recordings(folder: Path) -> Iterator[tuple[str, list[Frame]]]:
    """The role and the frames of each request recorded in ``folder``, in order.

    Raises:
        ProtocolError: a file is damaged.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with path.open("rb") as file:
            yield path.name.split("-")[1], list(iter(lambda: read_frame(file), None))


def _file_name(text: str) -> str:
    """``text`` with only characters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:100] or "_"

"""What callers give to a batch, and what the runner takes from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from wav2vec2_app.errors import BusyError, InputError, ResourceError
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.storage.names import safe_path
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX, DecodeAudioOptions, parse_audio_options
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions, parse_export
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions, parse_options

MAX_BATCHES: Final = 100
"""Batches of one owner that are stored."""


@dataclass(frozen=True)
class BatchOptions:
    """How all files of a batch are transcribed and written; ``diarize`` labels their speakers."""

    model: str = AUTO_MODEL
    decoding: DecodingOptions = DEFAULT_OPTIONS
    audio: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX
    export: ExportOptions = DEFAULT_EXPORT
    diarize: bool = False

    @property
    def wants(self) -> frozenset[Want]:
        """What tasks of the files produce."""
        return frozenset({Want.TRANSCRIPT, Want.SPEAKERS} if self.diarize else {Want.TRANSCRIPT})

    def to_json(self) -> str:
        """As it is stored; without ``diarize`` it is as earlier versions wrote it."""
        found = asdict(self)
        if not self.diarize:
            del found["diarize"]
        return json.dumps(found)

    @classmethod
    def from_json(cls, text: str) -> BatchOptions:
        """The options that :meth:`to_json` wrote, also by an earlier version with fewer of them."""
        found = json.loads(text)
        return cls(
            found["model"],
            parse_options(**found["decoding"]),
            parse_audio_options(**found["audio"]),
            parse_export(**found["export"]),
            bool(found.get("diarize")),
        )


@dataclass(frozen=True)
class NewFile:
    """A file of a new batch; its content comes later."""

    name: str
    size: int

    @property
    def shown_name(self) -> str:
        """The name as it is stored: relative, and without ``..``."""
        return safe_path(self.name)


@dataclass(frozen=True)
class WaitingFile:
    """A file that the runner transcribes next."""

    batch: str
    number: int
    owner: str
    name: str
    path: Path
    options: BatchOptions


@dataclass(frozen=True)
class BatchBounds:
    """Bounds of batches.

    Attributes:
        retention_s: age at which a finished batch is deleted, seconds.
        limit_bytes: size of all files that wait to be transcribed.
        max_files: of one batch.
        attempts: how often the server may stop while it transcribes one file, before that file fails.
    """

    retention_s: float = 24 * 3600.0
    limit_bytes: int = 4 << 30
    max_files: int = 1000
    attempts: int = 3

    def check(self, files: Sequence[NewFile]) -> None:
        """Check the number of files of a new batch.

        Raises:
            InputError: ``batch.empty``, ``batch.too_many_files``.
        """
        if not files:
            raise InputError(
                "The batch has no files.", code="batch.empty", hint="Send at least one file."
            )
        if len(files) > self.max_files:
            raise InputError(
                f"The batch has {len(files)} files; the limit is {self.max_files}.",
                code="batch.too_many_files",
                hint="Send them as several batches.",
                metadata={"files": len(files), "most": self.max_files},
            )

    def check_room(self, stored: int, size: int) -> None:
        """Check whether ``size`` more bytes may wait beside ``stored``.

        Raises:
            BusyError: ``batch.full``.
        """
        if stored + size > self.limit_bytes:
            raise BusyError(
                "Too many files wait to be transcribed.",
                code="batch.full",
                hint="Try again when some of them are finished.",
                metadata={"retry_after_s": 60, "limit": self.limit_bytes},
            )


def no_batch() -> InputError:
    """There is no such batch for this key."""
    return InputError(
        "There is no such batch.",
        code="batch.not_found",
        hint="It may have been deleted, or belong to another browser.",
    )


def too_many_batches() -> BusyError:
    """An owner has too many batches."""
    return BusyError(
        f"There are {MAX_BATCHES} batches already.",
        code="batch.too_many",
        hint="Delete some of them, or wait until they are deleted.",
        metadata={"retry_after_s": 60},
    )


def not_missing() -> InputError:
    """A file was sent again."""
    return InputError(
        "This file of the batch has been sent already.",
        code="batch.file_sent",
        hint="Send only files whose state is `missing`.",
    )


def interrupted(attempts: int) -> ResourceError:
    """The server stopped again and again while it transcribed a file."""
    return ResourceError(
        f"The server stopped {attempts} times while it transcribed this file.",
        code="batch.interrupted",
        hint="Send the file alone, or convert it first.",
        retryable=False,
    )


def in_use() -> ResourceError:
    """Another server runs the batches of this folder."""
    return ResourceError(
        "Another server runs the batches of this storage folder.",
        code="batch.in_use",
        hint="Set WAV2VEC2_STORAGE_FOLDER to another folder for each server.",
    )

"""Recordings joined end to end in one file: chained Ogg, or several FLAC, WebM, FLV or MP4 files.

FFmpeg stops or loses its place where the next link begins, so each link is opened by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO

from wav2vec2_app.errors import InputError
from wav2vec2_app.worker.audio import formats
from wav2vec2_app.worker.audio.ffmpeg_reader import FfmpegReader
from wav2vec2_app.worker.audio.formats import Format
from wav2vec2_app.worker.audio.reader import Block, broken
from wav2vec2_app.worker.audio.recognise import atoms_of, missing_beginning
from wav2vec2_app.worker.audio.splice import Range, read_at, spliced

MAX_LINKS = 10_000
SCANNED_BYTES = 1 << 20
_OGG_FIRST_PAGE = b"OggS\x00\x02"
_FLV_BEGINNINGS = tuple(b"FLV\x01%c\x00\x00\x00\x09\x00\x00\x00\x00" % flags for flags in (1, 4, 5))
_EBML = b"\x1aE\xdf\xa3"
EBML_HEADER_BYTES = 64
_FLAC_BEGINNINGS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")


def links_of(file: BinaryIO, format_: Format, size_bytes: int) -> list[Range]:
    """The range of each link.

    Raises:
        InputError: ``audio.missing_beginning``: an Ogg file without the first page of any stream.
    """
    if format_ is formats.OGG:
        starts = _ogg_links(file)
        if not starts:
            follows = read_at(file, _page_bytes(file, 0), 4) == b"OggS"
            raise missing_beginning() if follows else broken()
    else:
        further = _FURTHER[format_.demuxer](file, size_bytes)
        starts = [0, *(place for place in further if place)]
    return list(zip(starts, [*starts[1:], size_bytes], strict=True))


def _ogg_links(file: BinaryIO) -> list[int]:
    """Where links begin: first pages that do not directly follow another first page (RFC 3533)."""
    starts, group_end = [], -1
    for place in _places(file, (_OGG_FIRST_PAGE,)):
        if place != group_end:
            starts.append(place)
        group_end = place + _page_bytes(file, place)
    return starts


def _matroska_links(file: BinaryIO, _: int) -> list[int]:
    return [
        place
        for place in _places(file, (_EBML,))
        if any(name in read_at(file, place, EBML_HEADER_BYTES) for name in (b"webm", b"matroska"))
    ]


def _mp4_links(file: BinaryIO, size_bytes: int) -> list[int]:
    """Where files with an index of their own begin; each counts its bytes from its beginning."""
    starts: list[int] = []
    indexed = 0
    for place, kind in islice(atoms_of(file, 0, size_bytes), MAX_LINKS):
        if kind == b"ftyp" and indexed == len(starts):
            starts.append(place)
        elif kind == b"moov":
            indexed = len(starts)
    return starts[:indexed]


def _page_bytes(file: BinaryIO, place: int) -> int:
    head = read_at(file, place, 27 + 255)
    segments = head[26] if len(head) > 26 else 0
    return 27 + segments + sum(head[27 : 27 + segments])


def _places(file: BinaryIO, patterns: tuple[bytes, ...]) -> list[int]:
    """Every occurrence of the patterns, which have one length, in order."""
    places: list[int] = []
    overlap = len(patterns[0]) - 1
    position = 0
    while len(data := read_at(file, position, SCANNED_BYTES + overlap)) > overlap:
        for pattern in patterns:
            place = data.find(pattern)
            while place >= 0 and len(places) < MAX_LINKS:
                places.append(position + place)
                place = data.find(pattern, place + 1)
        position += SCANNED_BYTES
    return sorted(places)


_FURTHER: dict[str, Callable[[BinaryIO, int], list[int]]] = {
    "flac": lambda file, _: _places(file, _FLAC_BEGINNINGS),
    "flv": lambda file, _: _places(file, _FLV_BEGINNINGS),
    "matroska": _matroska_links,
    "mov": _mp4_links,
}


def may_have_links(format_: Format) -> bool:
    """Whether files of the format are found that were joined end to end."""
    return format_ is formats.OGG or format_.demuxer in _FURTHER


class ChainedReader:
    """Reads the links of a file in order; the header is that of the first that can be opened."""

    def __init__(
        self, file: BinaryIO, format_: Format, ranges: list[Range], track: int | None
    ) -> None:
        self._file, self._format, self._track = file, format_, track
        self._rest = list(ranges)
        self.damaged = False
        self.reached_s = 0.0
        first = self._next()
        self._reader = first
        self.header = first.header
        self.warnings = first.warnings
        self._size_share = sum(end - start for start, end in ranges) / max(1, self._size_bytes)

    def _next(self) -> FfmpegReader:
        """The next link that can be opened.

        Raises:
            InputError: what the last link raised.
        """
        while True:
            start, end = self._rest.pop(0)
            self._size_bytes = end - start
            try:
                return FfmpegReader(spliced(self._file, (start, end)), self._format, self._track)
            except InputError:
                self.damaged = True
                if not self._rest:
                    raise

    def blocks(self) -> Iterator[Block]:
        while True:
            silent = True
            for block in self._reader.blocks():
                silent = silent and not len(block.samples)
                yield block
            self.damaged = self.damaged or self._reader.damaged or silent
            if not self._rest:
                return
            try:
                following = self._next()
            except InputError:
                return
            self._reader.close()
            self._reader = following

    def outlasts(self, limit_s: float, on_block: Callable[[], None]) -> bool:
        return self._reader.outlasts(limit_s, on_block)

    def survey_duration_s(self) -> tuple[float, bool]:
        seen_s, _ = self._reader.survey_duration_s()
        return seen_s * self._size_share, False

    def close(self) -> None:
        self._reader.close()

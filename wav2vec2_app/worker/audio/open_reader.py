"""Opening a recording: which container it is, and which library decodes it.

=================  =============  ========================================================
reader             containers     why
=================  =============  ========================================================
SoundFileReader    uncompressed   knows every encoding of WAV; headers are repaired first
FfmpegReader       compressed     decodes up to the last whole packet of a truncated file
ChainedReader      Ogg, FLAC, …   several recordings joined in one file
=================  =============  ========================================================

libsndfile would decode FLAC, Ogg and MP3 too, but it gives up the whole block at a damaged end and
its MP3 decoder writes to stderr.
"""

from __future__ import annotations

from contextlib import suppress
from typing import BinaryIO

from wav2vec2_app.errors import InputError
from wav2vec2_app.worker.audio.ffmpeg_reader import FfmpegReader
from wav2vec2_app.worker.audio.formats import Format
from wav2vec2_app.worker.audio.links import ChainedReader, links_of, may_have_links
from wav2vec2_app.worker.audio.reader import Reader
from wav2vec2_app.worker.audio.recognise import (
    Found,
    is_segment_without_index,
    missing_beginning,
    recognise,
)
from wav2vec2_app.worker.audio.repair import repair
from wav2vec2_app.worker.audio.soundfile_reader import SoundFileReader
from wav2vec2_app.worker.audio.splice import size_of, spliced
from wav2vec2_app.worker.audio.tracks import only_track


def open_reader(file: BinaryIO, size_bytes: int, track: int | None = None) -> Reader:
    """Open encoded audio; ``track`` is the number of an audio track, from 1.

    Raises:
        InputError: ``audio.not_audio``, ``audio.broken``, ``audio.no_track``,
            ``audio.no_such_track``, ``audio.unsupported_codec``, ``audio.missing_beginning``.
    """
    found = recognise(file, size_bytes)
    if found is None:
        raise InputError(
            "This file is not audio that can be decoded.",
            code="audio.not_audio",
            hint="Upload a WAV, FLAC, Ogg, Opus, MP3, M4A or WebM recording.",
        )
    return _open_at(file, found, size_bytes, track)


def _open_at(file: BinaryIO, found: Found, size_bytes: int, track: int | None) -> Reader:
    view = spliced(file, (found.start, size_bytes)) if found.start else file
    return _open(view, found.format, size_bytes - found.start, track)


def _open(file: BinaryIO, format_: Format, size_bytes: int, track: int | None) -> Reader:
    if format_.uncompressed:
        return _open_uncompressed(file, format_, size_bytes, track)
    if format_.demuxer == "mov" and is_segment_without_index(file, 0, size_bytes):
        raise missing_beginning()
    if may_have_links(format_):
        ranges = links_of(file, format_, size_bytes)
        if len(ranges) > 1 or ranges[0][0]:
            return ChainedReader(file, format_, ranges, track)
    return FfmpegReader(file, format_, track)


def _open_uncompressed(
    file: BinaryIO, format_: Format, size_bytes: int, track: int | None
) -> Reader:
    only_track(track)
    repaired = repair(file, format_, size_bytes)
    if repaired.stream is not None:
        inner = spliced(file, repaired.stream)
        found = recognise(inner, size_of(inner))
        if found is not None and not found.format.uncompressed:
            return _open_at(inner, found, size_of(inner), track)
    else:
        # An encoding that libsndfile does not know is left to FFmpeg.
        with suppress(RuntimeError):
            return SoundFileReader(repaired, format_)
    return FfmpegReader(repaired.file, format_, track)

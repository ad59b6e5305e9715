"""Choosing the audio track of a file that has several.

The track that is flagged as the default is used, else the first that can be decoded. Tracks are
numbered from 1 among the audio tracks, as in every message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import av
import av.logging

from wav2vec2_app.errors import InputError
from wav2vec2_app.worker.audio.foreign import FOREIGN

TRIED_PACKETS = 64
"""Packets that are decoded to find out whether a track can be decoded."""


@dataclass(frozen=True)
class Track:
    """One audio track: its number from 1, its index among all streams, and what it says of itself."""

    number: int
    index: int
    codec: str
    language: str
    title: str
    default: bool

    def __str__(self) -> str:
        facts = [fact for fact in (self.codec, self.language, self.title) if fact]
        return f"{self.number} ({', '.join(facts)})" if facts else str(self.number)


def tracks_of(container: av.container.InputContainer) -> list[Track]:
    """The audio tracks of a file."""
    return [
        Track(
            number=number,
            index=stream.index,
            codec="" if stream.codec_context is None else stream.codec_context.codec.name,
            language=_language(stream.metadata.get("language", "")),
            title=stream.metadata.get("title", ""),
            default=bool(stream.disposition & av.stream.Disposition.default),
        )
        for number, stream in enumerate(container.streams.audio, start=1)
    ]


def choose(
    tracks: Sequence[Track],
    wanted: int | None,
    can_decode: Callable[[Track], bool],
    codecs: Callable[[], Sequence[str]],
) -> tuple[Track, tuple[str, ...]]:
    """The track to decode and a warning that names the choice where there was one.

    ``codecs`` names the codec of each track, as far as it is known.

    Raises:
        InputError: ``audio.no_track``, ``audio.no_such_track``, ``audio.unsupported_codec``.
    """
    if not tracks:
        raise InputError(
            "There is no sound in this file.",
            code="audio.no_track",
            hint="Upload a recording with an audio track.",
        )
    if wanted is not None:
        track = _numbered(tracks, wanted)
        if not track.codec:
            raise _unsupported(codecs()[wanted - 1 : wanted])
        return track, ()
    known = [track for track in tracks if track.codec]
    if not known:
        raise _unsupported(codecs())
    ordered = sorted(known, key=lambda track: not track.default)
    if len(tracks) == 1:
        return ordered[0], ()
    track = next((track for track in ordered if can_decode(track)), ordered[0])
    return track, (_choice(track, tracks),)


def _choice(track: Track, tracks: Sequence[Track]) -> str:
    flagged = [other for other in tracks if other.default]
    if track.default and len(flagged) < len(tracks):
        reason = "it is marked as the default"
    elif track.number == 1:
        reason = "it is the first"
    else:
        reason = "it is the first that can be decoded"
    return f"The file has {len(tracks)} audio tracks; track {track} was used because {reason}."


def only_track(wanted: int | None) -> None:
    """Refuse a track number other than 1 for a format that holds one track."""
    if wanted not in (None, 1):
        raise _no_such_track(wanted or 0, 1)


def _numbered(tracks: Sequence[Track], wanted: int) -> Track:
    if not 1 <= wanted <= len(tracks):
        raise _no_such_track(wanted, len(tracks))
    return tracks[wanted - 1]


def _no_such_track(wanted: int, count: int) -> InputError:
    have = "1 audio track" if count == 1 else f"{count} audio tracks"
    return InputError(
        f"There is no audio track {wanted}: the file has {have}.",
        code="audio.no_such_track",
        hint="Choose a track by its number, counted from 1.",
        metadata={"track": wanted, "tracks": count},
    )


def _unsupported(codecs: Sequence[str]) -> InputError:
    known = list(dict.fromkeys(codec for codec in codecs if codec))
    names = ", ".join(known) or "unknown"
    return InputError(
        f"The sound of this file uses a codec that cannot be decoded: {names}.",
        code="audio.unsupported_codec",
        hint="Convert the recording to WAV, FLAC, MP3, M4A or Opus, then upload it.",
        metadata={"codecs": known},
    )


def _language(code: str) -> str:
    return "" if code == "und" else code


# --- finding out --------------------------------------------------------------------------------


def decodes(container: av.container.InputContainer, index: int) -> bool:
    """Whether one of a stream's first packets can be decoded."""
    stream = container.streams[index]
    try:
        packets = islice(container.demux(stream), TRIED_PACKETS)
        return any(_decodes(packet) for packet in packets)
    except MemoryError:
        raise
    except FOREIGN:
        return False


def _decodes(packet: av.Packet) -> bool:
    try:
        return bool(packet.decode())
    except MemoryError:
        raise
    except FOREIGN:
        return False


def codec_names(container: av.container.InputContainer, head: bytes) -> list[str]:
    """The name of each audio track's codec, as far as the container tells it, else empty."""
    av.logging.set_level(av.logging.INFO)
    try:
        description = container.dumps_format()
    finally:
        av.logging.set_level(None)
    described = re.findall(r"Audio: (\w+)[^\n]*?(?:\((.{4,16}?) / 0x|\n|$)", description)
    names = [tag if codec == "none" else codec for codec, tag in described]
    stated = _matroska_codecs(head)
    return [name or "".join(stated[at : at + 1]) for at, name in enumerate(names)]


def _matroska_codecs(head: bytes) -> list[str]:
    """The codec ids of the audio tracks of a Matroska file."""
    found = []
    for element in re.finditer(rb"\x86([\x82-\xc0])(?=A_)", head):
        size = element.group(1)[0] & 0x7F
        found.append(head[element.end() : element.end() + size].decode("ascii", "replace"))
    return found

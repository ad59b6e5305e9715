"""Small files that claim to hold very much: what a decoder would allocate for them has to be refused."""

from __future__ import annotations

import struct
import zlib

RATE_HZ = 16_000


def atom(name: bytes, body: bytes) -> bytes:
    """An atom of QuickTime."""
    return struct.pack(">I", 8 + len(body)) + name + body


def with_flags(name: bytes, body: bytes) -> bytes:
    """An atom with version and flags of zero."""
    return atom(name, bytes(4) + body)


def movie(samples: int) -> bytes:
    """The ``moov`` atom of one track of ``samples`` samples; each of them is a packet of the index."""
    entry = struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, RATE_HZ << 16)
    tables = (
        with_flags(b"stsd", struct.pack(">I", 1) + atom(b"sowt", entry))
        + with_flags(b"stts", struct.pack(">5I", 2, samples - 1, 1, 1, 2))
        + with_flags(b"stsc", struct.pack(">4I", 1, 1, samples, 1))
        + with_flags(b"stsz", struct.pack(">2I", 2, samples))
        + with_flags(b"stco", struct.pack(">2I", 1, 0))
    )
    media = (
        with_flags(b"mdhd", struct.pack(">IIIIHH", 0, 0, RATE_HZ, samples, 0, 0))
        + with_flags(b"hdlr", b"\0\0\0\0soun" + bytes(13))
        + atom(b"minf", with_flags(b"smhd", bytes(4)) + atom(b"stbl", tables))
    )
    track = with_flags(b"tkhd", struct.pack(">5I", 0, 0, 1, 0, 0) + bytes(60)) + atom(
        b"mdia", media
    )
    head = with_flags(b"mvhd", struct.pack(">4I", 0, 0, 1000, 1000) + bytes(80))
    return atom(b"moov", head + atom(b"trak", track))


def mp4_of(moov: bytes) -> bytes:
    """A file with a header and a second of silence."""
    return atom(b"ftyp", b"isom\0\0\0\0isom") + moov + atom(b"mdat", bytes(2 * RATE_HZ))


def many_packets(samples: int) -> bytes:
    """An MP4 of 32 KB whose index would have ``samples`` packets of 24 bytes."""
    return mp4_of(movie(samples))


def large_header(claimed: int) -> bytes:
    """An MP4 with a compressed header that claims to become ``claimed`` bytes."""
    packed = struct.pack(">I", claimed) + zlib.compress(movie(1000))
    return mp4_of(atom(b"moov", atom(b"cmov", atom(b"dcom", b"zlib") + atom(b"cmvd", packed))))

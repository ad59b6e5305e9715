"""The chunks of uncompressed containers (WAV, W64, AIFF, CAF), read with tolerance.

Recorders that crash leave sizes of zero, programs that write to a pipe leave impossible sizes, and
some writers forget the padding byte after a chunk of odd length. The walk goes on wherever the next
chunk can be found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from wav2vec2_app.worker.audio.splice import read_at

SEARCH_BYTES = 1 << 20
"""How far a lost chunk is searched for."""
MAX_CHUNKS = 256
MAX_CHUNK_BYTES = 1 << 16
"""Chunks before the samples are kept up to this size."""
FORMS = (b"RIFF", b"RIFX")
TRAILING_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")


@dataclass(frozen=True)
class Layout:
    """How a container writes its chunks.

    ``extra`` is what a chunk's size counts beside its payload.
    """

    byte_order: Literal["little", "big"]
    first: int
    data_id: bytes
    size_bytes: int = 4
    alignment: int = 2
    extra: int = 0

    @property
    def header_bytes(self) -> int:
        return len(self.data_id) + self.size_bytes


_W64_SUFFIX = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
RIFF = Layout("little", 12, b"data")
RIFX = Layout("big", 12, b"data")
AIFF_LAYOUT = Layout("big", 12, b"SSND")
CAF_LAYOUT = Layout("big", 8, b"data", size_bytes=8, alignment=1)
W64_LAYOUT = Layout("little", 40, b"data" + _W64_SUFFIX, size_bytes=8, alignment=8, extra=24)


@dataclass(frozen=True)
class Chunk:
    """One chunk: its name, where its payload begins, and the size that its header claims."""

    name: bytes
    start: int
    claimed: int


@dataclass
class Chunks:
    """The chunks before the samples, and the chunk of the samples; ``regular`` if none was lost."""

    before: dict[bytes, bytes] = field(default_factory=dict)
    data: Chunk | None = None
    regular: bool = True


def read_chunks(file: BinaryIO, layout: Layout, size_bytes: int) -> Chunks:
    """Walk the chunks up to the samples."""
    chunks = Chunks()
    position = layout.first
    for _ in range(MAX_CHUNKS):
        chunk = chunk_at(file, layout, position)
        if chunk is None or chunk.start > size_bytes:
            break
        if chunk.name == layout.data_id:
            chunks.data = chunk
            break
        chunks.before[chunk.name] = read_at(file, chunk.start, min(chunk.claimed, MAX_CHUNK_BYTES))
        position, regular = _next(file, layout, chunk, size_bytes)
        chunks.regular = chunks.regular and regular
    return chunks


def chunk_at(file: BinaryIO, layout: Layout, position: int) -> Chunk | None:
    """The chunk whose header is at ``position``, or ``None`` if the bytes are none."""
    head = read_at(file, position, layout.header_bytes)
    width = len(layout.data_id)
    if len(head) < layout.header_bytes or not _is_name(head[:width], layout):
        return None
    claimed = int.from_bytes(head[width:], layout.byte_order) - layout.extra
    return Chunk(head[:width], position + layout.header_bytes, max(claimed, 0))


def _is_name(name: bytes, layout: Layout) -> bool:
    if len(name) == 16:
        return name.endswith(layout.data_id[4:]) or name[4:] != bytes(12)
    return all(0x20 <= byte < 0x7F for byte in name) and name[:1] != b" "


def _next(file: BinaryIO, layout: Layout, chunk: Chunk, size_bytes: int) -> tuple[int, bool]:
    """Where the next chunk begins, and whether it was where it should be."""
    end = chunk.start + chunk.claimed
    aligned = end + -end % layout.alignment
    for place in dict.fromkeys((aligned, end, end + 1)):
        if place < size_bytes and chunk_at(file, layout, place) is not None:
            return place, place == aligned
    found = read_at(file, chunk.start, SEARCH_BYTES).find(layout.data_id)
    return (chunk.start + found if found >= 0 else size_bytes), False


def data_end(file: BinaryIO, layout: Layout, data: Chunk, size_bytes: int) -> int:
    """Where the samples end: as claimed if that can be, else at the end of the file."""
    end = data.start + data.claimed
    if end > size_bytes:
        return size_bytes
    aligned = end + -end % layout.alignment
    if any(_chunks_follow(file, layout, place, size_bytes) for place in {aligned, end}):
        return end
    return end if _is_trailer(file, end, layout.header_bytes) else size_bytes


def _chunks_follow(file: BinaryIO, layout: Layout, position: int, size_bytes: int) -> bool:
    """Whether nothing but whole chunks lies between ``position`` and the end of the file.

    The padding behind a chunk of odd length may be missing.
    """
    for _ in range(MAX_CHUNKS):
        if position >= size_bytes:
            return True
        chunk = chunk_at(file, layout, position)
        if chunk is None or chunk.start + chunk.claimed > size_bytes:
            return False
        end = chunk.start + chunk.claimed
        places = (end + -end % layout.alignment, end)
        position = next((place for place in places if _is_end_or_chunk(file, layout, place, size_bytes)),
                        places[0])  # fmt: skip
    return False


def _is_end_or_chunk(file: BinaryIO, layout: Layout, position: int, size_bytes: int) -> bool:
    if position >= size_bytes:
        return True
    chunk = chunk_at(file, layout, position)
    return chunk is not None and chunk.start + chunk.claimed <= size_bytes


def _is_trailer(file: BinaryIO, position: int, header_bytes: int) -> bool:
    """Whether the rest of the file is a tag or zeros, not samples."""
    data = read_at(file, position, 1 << 16)
    if data.startswith(TRAILING_TAGS) or len(data) < header_bytes:
        return True
    while data:
        if data.strip(b"\x00"):
            return False
        data = file.read(1 << 16)
    return True


def further_samples(
    file: BinaryIO, layout: Layout, position: int, size_bytes: int, fmt: bytes
) -> tuple[list[tuple[int, int]], bool]:
    """The ranges of samples behind those of a WAV file, and whether all of them are in its format.

    Some programs write several chunks of samples; files that were joined end to end have a header
    before each. What follows a header with another ``fmt`` chunk is left out.
    """
    ranges: list[tuple[int, int]] = []
    for _ in range(MAX_CHUNKS):
        chunk = chunk_at(file, layout, position)
        if chunk is None or chunk.start >= size_bytes:
            break
        if chunk.name in FORMS and read_at(file, chunk.start, 4) == b"WAVE":
            position = chunk.start + 4
            continue
        if chunk.name == b"fmt " and read_at(file, chunk.start, chunk.claimed) != fmt:
            return ranges, False
        end = chunk.start + chunk.claimed
        if chunk.name == layout.data_id:
            end = data_end(file, layout, chunk, size_bytes)
            ranges.append((chunk.start, end))
        position = end + -end % layout.alignment
    return ranges, True

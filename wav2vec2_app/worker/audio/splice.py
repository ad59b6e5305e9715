"""A read-only file composed of byte strings and ranges of another file."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Range: TypeAlias = tuple[int, int]
"""First byte and end of a range of the underlying file."""


class SplicedFile(io.RawIOBase):
    """Reads ``pieces`` one after the other without copying the ranges."""

    def __init__(self, file: BinaryIO, pieces: Sequence[bytes | Range]) -> None:
        super().__init__()
        self._file = file
        self._pieces = [piece for piece in pieces if _length(piece)]
        self._ends: list[int] = []
        for piece in self._pieces:
            self._ends.append((self._ends[-1] if self._ends else 0) + _length(piece))
        self._position = 0

    @property
    def size(self) -> int:
        """Length of the composed file in bytes."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        number = bisect_right(self._ends, self._position)
        if number == len(self._pieces):
            return 0
        piece, end = self._pieces[number], self._ends[number]
        inside = self._position - (end - _length(piece))
        count = min(len(target), end - self._position)
        if isinstance(piece, bytes):
            data = piece[inside : inside + count]
        else:
            self._file.seek(piece[0] + inside)
            data = self._file.read(count)
        target[: len(data)] = data
        self._position += len(data)
        return len(data)


def spliced(file: BinaryIO, *pieces: bytes | Range) -> BinaryIO:
    """The pieces as one buffered file."""
    return cast(BinaryIO, io.BufferedReader(SplicedFile(file, pieces), buffer_size=1 << 16))


def read_at(file: BinaryIO, position: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``position``."""
    file.seek(position)
    return file.read(count)


def size_of(file: BinaryIO) -> int:
    """Length of the file in bytes."""
    return file.seek(0, io.SEEK_END)


def _length(piece: bytes | Range) -> int:
    return len(piece) if isinstance(piece, bytes) else max(0, piece[1] - piece[0])

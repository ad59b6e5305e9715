"""What an opened recording offers, whichever library decodes it, and the errors of opening."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Header:
    """What a container says about the chosen track.

    ``duration_s`` counts from the container's start; ``None`` if it is not stated. ``exact`` is false
    where the duration is an estimate. ``track`` counts from 1 among the ``tracks``.
    """

    format: str
    rate_hz: int
    channels: int
    duration_s: float | None
    exact: bool
    track: int = 1
    tracks: int = 1


@dataclass(frozen=True)
class Block:
    """Decoded samples, float32 ``(n, channels)``, at ``rate_hz``.

    ``start_s`` is the container's time of the first sample; ``None`` where there are no timestamps.
    """

    samples: Samples
    rate_hz: int
    start_s: float | None = None

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


class Reader(Protocol):
    """One opened recording.

    After :meth:`blocks`, ``damaged`` says that a part could not be decoded, and ``reached_s`` how
    far the container's packets reached (0 where they have no timestamps).
    """

    header: Header
    damaged: bool
    reached_s: float
    warnings: tuple[str, ...]

    def blocks(self) -> Iterator[Block]:
        """All samples in order; empty blocks mark progress without samples."""

    def outlasts(self, limit_s: float, on_block: Callable[[], None]) -> bool:
        """Whether the bytes that are there hold more than ``limit_s``; only before :meth:`blocks`."""

    def survey_duration_s(self) -> tuple[float, bool]:
        """The duration from the bytes (seconds, whether exact); only before :meth:`blocks`."""

    def close(self) -> None:
        """Release the file."""


def broken() -> InputError:
    """The error of a file that has the right beginning and nothing that can be decoded."""
    return InputError(
        "The file is damaged or cut off: no sound could be read from it.",
        code="audio.broken",
        hint="Record or export it again, then upload the new file.",
    )

"""Notices from a session's first samples that they are of another encoding than the start message says."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.server.live.resampler import F32LE, S16LE

EXAMINED_BYTES: Final = 16_000
"""Number of bytes that are examined: half a second at 16 kHz and 16 bits."""
MIN_BYTES: Final = 2_000
"""Fewer bytes are not judged."""
MIN_FLOAT: Final = 1e-18
"""Smaller float samples, except 0, are not of a microphone."""
MAX_FLOAT: Final = 4.0
PLAUSIBLE: Final = 0.95
"""Share of the values of an encoding that have to be plausible."""
ROUGH: Final = 0.5
"""Samples whose steps have this share of the energy of white noise's are not sound."""

_CONTAINERS: Final = {
    b"RIFF": "a WAV file",
    b"\x1aE\xdf\xa3": "WebM",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"ID3": "MP3",
}


class EncodingCheck:
    """Collects the first bytes of a session, and judges them once.

    Args:
        encoding: what the start message says.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._head: bytes | None = b""

    def add(self, pcm: bytes) -> str:
        """A sentence for the client if the samples look like another encoding; otherwise empty."""
        if self._head is None:
            return ""
        self._head += pcm[: EXAMINED_BYTES - len(self._head)]
        head = self._head
        container = next(
            (name for magic, name in _CONTAINERS.items() if head.startswith(magic)), ""
        )
        if container:
            self._head = None
            return f"The audio looks like {container}; send samples without a container."
        if len(head) < EXAMINED_BYTES:
            return ""
        if not any(head):  # silence says nothing
            self._head = b""
            return ""
        return self.finish()

    def finish(self) -> str:
        """Judge what has arrived, as :meth:`add` does."""
        head, self._head = self._head, None
        found = looks_like(head, self._encoding) if head else ""
        if not found:
            return ""
        return (
            f"The samples look like {found}, but the start message says {self._encoding}. "
            "Send `encoding` in the start message."
        )


def looks_like(pcm: bytes, declared: str) -> str:
    """The encoding that ``pcm`` has instead of ``declared``; empty if that may be right."""
    pcm = pcm[: len(pcm) // 4 * 4]
    if len(pcm) < MIN_BYTES or not any(pcm):
        return ""
    floats = _are_floats(np.frombuffer(pcm, "<f4"))
    if declared == F32LE:
        return "" if floats else S16LE
    if floats:
        return F32LE
    samples = np.frombuffer(pcm, "<i2")
    if _roughness(samples) > ROUGH and _roughness(samples.byteswap()) < ROUGH / 2:
        return "16-bit big-endian"
    return ""


def _are_floats(values: NDArray[np.float32]) -> bool:
    size = np.abs(values)
    plausible = (size == 0) | ((size >= MIN_FLOAT) & (size <= MAX_FLOAT))
    return bool(plausible.mean() >= PLAUSIBLE and size.any())


def _roughness(samples: NDArray[np.int16]) -> float:
    """Energy of the steps between samples against that of white noise: near 0 for sound, 1 for noise."""
    values = samples.astype(np.float64)
    power = float(values.var())
    return float(np.diff(values).var()) / (2 * power) if power else 0.0

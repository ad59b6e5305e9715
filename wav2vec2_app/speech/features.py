"""Acoustic features of a recording, and the pictures drawn of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wav2vec2_app.speech.audio import Float16, Float32


@dataclass(frozen=True)
class Features:
    """Acoustic features on one frame grid.

    Attributes:
        times_s: ``(n,)`` centre of each frame.
        f0_hz: ``(n,)`` fundamental frequency, NaN where unvoiced.
        energy_db: ``(n,)`` RMS level, dB relative to full scale.
        log_mel_db: float16 ``(mels, n)``, dB relative to the loudest cell.
        mfcc: float16 ``(coefficients, n)``.
        summary: scalar features with units in their names (``peak_dbfs``, ``f0_median_hz``…).
    """

    times_s: Float32
    f0_hz: Float32
    energy_db: Float32
    log_mel_db: Float16
    mfcc: Float16
    summary: Mapping[str, float]


@dataclass(frozen=True)
class Picture:
    """A picture as SVG; its text and axes use ``currentColor``, for light and dark backgrounds.

    ``description`` is for screen readers. It shows the recording from ``start_s`` to ``end_s``.
    """

    name: str
    title: str
    svg: bytes
    description: str
    start_s: float = 0.0
    end_s: float = 0.0

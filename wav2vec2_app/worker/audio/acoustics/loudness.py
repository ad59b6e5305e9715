"""Integrated loudness, in LUFS.

Source: Recommendation ITU-R BS.1770-4, Algorithms to measure audio programme loudness and true-peak audio
level: K-weighting, and gating at -70 LUFS and at 10 LU below the mean. The filters are the cookbook's
biquads, so that they are right at 16 kHz too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.acoustics import Doubles

BLOCK_S: Final = 0.4
STEP: Final = SAMPLE_RATE_HZ // 10  # 100 ms: blocks overlap by three quarters
RESPONSE: Final = 4096
"""Samples of the filters' impulse response; at its end it is below 1e-17."""
CHUNK: Final = 32_768
OFFSET_DB: Final = -0.691
ABSOLUTE_GATE: Final = -70.0
RELATIVE_GATE: Final = -10.0


def integrated_lufs(samples: Float32) -> float | None:
    """Loudness of mono samples ``(n,)``, 16 kHz; ``None`` if they are too short or too quiet."""
    powers = _block_powers(samples)
    if not len(powers):
        return None
    loud = powers[_lufs(powers) >= ABSOLUTE_GATE]
    if not len(loud):
        return None
    gate = float(_lufs(loud.mean())) + RELATIVE_GATE
    gated = loud[_lufs(loud) > max(gate, ABSOLUTE_GATE)]
    return float(_lufs(gated.mean())) if len(gated) else None


def _lufs(power: Doubles | float) -> Doubles:
    return np.asarray(OFFSET_DB + 10 * np.log10(np.maximum(power, 1e-15)))


def _block_powers(samples: Float32) -> Doubles:
    """Mean square of each block of 400 ms, after the filters."""
    per_block = round(BLOCK_S * SAMPLE_RATE_HZ) // STEP
    steps = np.concatenate(
        [np.zeros(0), *(np.square(part).reshape(-1, STEP).sum(axis=1) for part in _steps(samples))]
    )
    if len(steps) < per_block:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(steps, per_block)
    return np.asarray(windows.sum(axis=1) / (per_block * STEP))


def _steps(samples: Float32) -> Iterator[Doubles]:
    """The filtered samples in parts of whole steps; the rest at the end is left out."""
    rest = np.zeros(0)
    for filtered in _weighted(samples):
        rest = np.concatenate([rest, filtered])
        whole = len(rest) // STEP * STEP
        yield rest[:whole]
        rest = rest[whole:]


def _weighted(samples: Float32) -> Iterator[Doubles]:
    """K-weighted samples, block by block (overlap-add)."""
    size = CHUNK + RESPONSE
    spectrum = np.fft.rfft(_impulse_response(), size)
    tail = np.zeros(RESPONSE)
    for start in range(0, len(samples), CHUNK):
        part = samples[start : start + CHUNK].astype(np.float64)
        filtered = np.fft.irfft(np.fft.rfft(part, size) * spectrum, size)
        filtered[:RESPONSE] += tail
        tail = filtered[len(part) : len(part) + RESPONSE]
        yield filtered[: len(part)]


@lru_cache(maxsize=1)
def _impulse_response() -> Doubles:
    impulse = np.zeros(RESPONSE)
    impulse[0] = 1.0
    return _biquad(_biquad(impulse, *_high_shelf()), *_high_pass())


def _high_shelf() -> tuple[list[float], list[float]]:
    """4 dB above 1.5 kHz, for the head."""
    gain = 10 ** (4.0 / 40)
    turn = 2 * np.pi * 1500 / SAMPLE_RATE_HZ
    alpha, cos, root = np.sin(turn) / np.sqrt(2), np.cos(turn), 2 * np.sqrt(gain)
    alpha_root = root * alpha
    above, below = gain + 1, gain - 1
    return (
        [
            gain * (above + below * cos + alpha_root),
            -2 * gain * (below + above * cos),
            gain * (above + below * cos - alpha_root),
        ],
        [
            above - below * cos + alpha_root,
            2 * (below - above * cos),
            above - below * cos - alpha_root,
        ],
    )


def _high_pass() -> tuple[list[float], list[float]]:
    """Without what is below 38 Hz."""
    turn = 2 * np.pi * 38 / SAMPLE_RATE_HZ
    alpha, cos = np.sin(turn), np.cos(turn)  # quality 0.5
    return [(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]


def _biquad(samples: Doubles, b: list[float], a: list[float]) -> Doubles:
    """A second-order filter, sample by sample; only for the impulse response."""
    (b0, b1, b2), (a1, a2) = (np.asarray(b) / a[0]).tolist(), (np.asarray(a[1:]) / a[0]).tolist()
    filtered = np.empty_like(samples)
    z1 = z2 = 0.0
    for number, value in enumerate(samples.tolist()):
        out = b0 * value + z1
        z1, z2 = b1 * value - a1 * out + z2, b2 * value - a2 * out
        filtered[number] = out
    return filtered

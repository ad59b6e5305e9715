"""The pulses of a voice, and from them jitter and shimmer.

Pulses are placed as Praat places them ("Sound & Pitch: To PointProcess (cc)"): from the extreme sample in the
middle of each voiced part to both sides, each one period away where the wave is most similar. Jitter and
shimmer are Praat's "local": P. Boersma, in the manual's chapter "Voice".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.acoustics import Doubles

NEAREST, FARTHEST = 0.8, 1.25
"""Where the next pulse is looked for, in periods."""
LEAST_SIMILARITY: Final = 0.3
LEAST_SIMILARITY_OUTSIDE: Final = 0.7
"""For a pulse beyond the end of the voiced part."""
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 0.0001, 0.02
"""Periods outside are not used."""
MOST_FACTOR: Final = 1.3
"""Neighbouring periods that differ more are not compared."""
MOST_AMPLITUDE_FACTOR: Final = 1.6


@dataclass(frozen=True)
class Voice:
    """Irregularity of a voice; ``None`` with too few periods."""

    jitter: float | None
    shimmer: float | None


def voice(
    samples: Float32,
    times_s: Float32,
    f0_hz: Float32,
    *,
    on_block: Callable[[], None] = lambda: None,
) -> Voice:
    """Local jitter and shimmer, as shares, of samples whose pitch is ``f0_hz`` at ``times_s``."""
    wave = samples.astype(np.float64)
    pulses: list[float] = []
    for start, stop in _voiced_parts(f0_hz):
        pulses += _pulses_of(wave, times_s[start:stop], f0_hz[start:stop], after=_last(pulses))
        on_block()
    moments = np.asarray(pulses)
    return Voice(_jitter(moments), _shimmer(wave, moments))


def _voiced_parts(f0_hz: Float32) -> Iterator[tuple[int, int]]:
    voiced = np.concatenate([[False], np.isfinite(f0_hz), [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(voiced))
    for start, stop in edges.reshape(-1, 2):
        if stop - start > 1:
            yield int(start), int(stop)


def _last(pulses: list[float]) -> float:
    return pulses[-1] if pulses else -1.0


def _pulses_of(wave: Doubles, times_s: Float32, f0_hz: Float32, *, after: float) -> list[float]:
    """The pulses of one voiced part, in order."""
    begin, end = float(times_s[0]) - 0.005, float(times_s[-1]) + 0.005

    def period(at_s: float) -> float:
        return 1.0 / float(np.interp(at_s, times_s, f0_hz))

    middle = (begin + end) / 2
    first = _extreme(wave, middle - period(middle) / 2, middle + period(middle) / 2)
    before = _walk(wave, first, period, -1, begin)
    later = _walk(wave, first, period, 1, end)
    found = [*reversed(before), first, *later]
    return [moment for moment in found if moment - after > NEAREST * period(moment)]


def _extreme(wave: Doubles, begin_s: float, end_s: float) -> float:
    start, stop = max(0, round(begin_s * SAMPLE_RATE_HZ)), round(end_s * SAMPLE_RATE_HZ) + 1
    part = wave[start:stop]
    return (start + int(np.argmax(np.abs(part)))) / SAMPLE_RATE_HZ if len(part) else begin_s


def _walk(
    wave: Doubles, moment: float, period: Callable[[float], float], way: int, limit: float
) -> list[float]:
    """Pulses from ``moment`` on to one side, until the end of the voiced part."""
    found: list[float] = []
    while True:
        length = period(moment)
        similarity, lag = _most_similar(wave, moment, length, way)
        moment += way * (lag if similarity is not None else length)
        beyond = (moment - limit) * way > 0
        least = LEAST_SIMILARITY_OUTSIDE if beyond else LEAST_SIMILARITY
        if similarity is not None and similarity > least:
            found.append(moment)
        if beyond or not 0 < moment < len(wave) / SAMPLE_RATE_HZ:
            return found


def _most_similar(
    wave: Doubles, moment: float, period: float, way: int
) -> tuple[float | None, float]:
    """How similar the wave is about one period away, and exactly how far that is, seconds."""
    size = max(2, round(period * SAMPLE_RATE_HZ))
    here = round(moment * SAMPLE_RATE_HZ) - size // 2
    nearest = int(NEAREST * period * SAMPLE_RATE_HZ)
    farthest = int(np.ceil(FARTHEST * period * SAMPLE_RATE_HZ))
    start = here - farthest if way < 0 else here + nearest
    stop = start + farthest - nearest + size
    if here < 0 or here + size > len(wave) or start < 0 or stop > len(wave):
        return None, period
    pattern, around = wave[here : here + size], wave[start:stop]
    powers = np.convolve(np.square(around), np.ones(size), "valid") * np.dot(pattern, pattern)
    similar = np.correlate(around, pattern, "valid") / np.sqrt(np.maximum(powers, 1e-30))
    best = int(np.argmax(similar))
    offset = _peak_offset(similar, best)
    lag = farthest - best - offset if way < 0 else nearest + best + offset
    return float(similar[best]), lag / SAMPLE_RATE_HZ


def _peak_offset(values: Doubles, at: int) -> float:
    """The top of the parabola through three neighbours."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = values[at - 1 : at + 2]
    bend = 2 * here - before - after
    return float(0.5 * (after - before) / bend) if bend > 1e-12 else 0.0


def _usable(periods: Doubles) -> NDArray[np.bool_]:
    """Pairs of neighbouring periods that may be compared."""
    plausible = (periods >= SHORTEST_PERIOD_S) & (periods <= LONGEST_PERIOD_S)
    left, right = periods[:-1], periods[1:]
    factor = np.maximum(left, right) / np.maximum(np.minimum(left, right), 1e-9)
    return np.asarray(plausible[:-1] & plausible[1:] & (factor <= MOST_FACTOR))


def _jitter(moments: Doubles) -> float | None:
    periods = np.diff(moments)
    if len(periods) < 2:
        return None
    pairs = _usable(periods)
    if not pairs.any():
        return None
    differences = np.abs(np.diff(periods))[pairs]
    used = np.zeros(len(periods), bool)
    used[:-1] |= pairs
    used[1:] |= pairs
    return float(differences.mean() / periods[used].mean())


def _shimmer(wave: Doubles, moments: Doubles) -> float | None:
    periods = np.diff(moments)
    if len(periods) < 3:
        return None
    inner = np.flatnonzero(_usable(periods)) + 1
    amplitudes = np.full(len(moments), np.nan)
    for at in inner:
        amplitudes[at] = _amplitude(wave, moments[at], 0.2 * periods[at - 1], 0.2 * periods[at])
    left, right = amplitudes[:-1], amplitudes[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.maximum(left, right) / np.minimum(left, right)
        pairs = factor <= MOST_AMPLITUDE_FACTOR
    if not pairs.any():
        return None
    mean = float(np.nanmean(amplitudes))
    return float(np.abs(right - left)[pairs].mean() / mean) if mean > 0 else None


def _amplitude(wave: Doubles, moment: float, before_s: float, after_s: float) -> float:
    """RMS around a pulse, under a Hann window with these widths."""
    centre = moment * SAMPLE_RATE_HZ
    start = max(0, int(np.ceil(centre - before_s * SAMPLE_RATE_HZ)))
    stop = min(len(wave), int(np.floor(centre + after_s * SAMPLE_RATE_HZ)) + 1)
    if stop - start < 2:
        return float("nan")
    distance = np.arange(start, stop) - centre
    width = np.where(distance < 0, before_s, after_s) * SAMPLE_RATE_HZ
    weight = 0.5 + 0.5 * np.cos(np.pi * distance / width)
    return float(np.sqrt(np.sum(np.square(wave[start:stop] * weight)) / np.sum(np.square(weight))))

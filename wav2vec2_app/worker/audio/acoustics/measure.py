"""All measures of a recording, from its samples and its features."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.features import Features
from wav2vec2_app.worker.audio.acoustics import (
    formants,
    loudness,
    parts,
    pulses,
    rhythm,
    spectrum,
    voicing,
)

OF_FEATURES = (
    "peak_dbfs", "rms_dbfs", "noise_floor_dbfs", "snr_db", "clipped_fraction", "voiced_fraction",
    "f0_median_hz", "f0_p05_hz", "f0_p95_hz",
)  # fmt: skip
"""Measures that the features have already."""


def measure(
    samples: Float32, features: Features, *, on_block: Callable[[], None] = lambda: None
) -> Acoustics:
    """The analysis of samples ``(n,)``, 16 kHz; ``on_block`` may raise to cancel."""
    times_s = features.times_s
    duration_s = len(samples) / SAMPLE_RATE_HZ
    shape = spectrum.shape(samples, len(times_s), on_block=on_block)
    resonances = formants.formants(samples, times_s, on_block=on_block)
    voiced_hz = voicing.voiced_pitch(samples, times_s, on_block=on_block)
    voice = pulses.voice(samples, times_s, voiced_hz, on_block=on_block)
    silent = parts.silences(times_s, features.energy_db, duration_s)
    contours = dict(_contours(features, shape, resonances))
    summary = {
        **{name: features.summary[name] for name in OF_FEATURES if name in features.summary},
        **_medians(contours, features),
        "loudness_lufs": loudness.integrated_lufs(samples),
        "silence_fraction": float(np.sum(silent[:, 1] - silent[:, 0])) / max(duration_s, 1e-9),
        "jitter_percent": None if voice.jitter is None else 100 * voice.jitter,
        "shimmer_percent": None if voice.shimmer is None else 100 * voice.shimmer,
        "tempo_bpm": rhythm.tempo_bpm(features.log_mel_db),
    }
    return Acoustics(
        times_s=times_s,
        names=tuple(contours),
        contours=np.stack(list(contours.values())).astype(np.float32),
        chroma=spectrum.chroma(samples),
        silences=silent,
        clipped=parts.clipped(samples),
        summary=_defined(summary),
    )


def _contours(
    features: Features, shape: spectrum.Shape, resonances: Float32
) -> Iterator[tuple[str, Float32]]:
    voiced = np.isfinite(features.f0_hz)
    yield "f0_hz", features.f0_hz
    yield "level_dbfs", features.energy_db
    for number, hz in enumerate(resonances, start=1):
        yield f"f{number}_hz", np.where(voiced, hz, np.nan).astype(np.float32)
    yield "spectral_centroid_hz", shape.centroid_hz
    yield "spectral_bandwidth_hz", shape.bandwidth_hz
    yield "spectral_rolloff_hz", shape.rolloff_hz
    yield "zero_crossing_rate", shape.zero_crossing_rate
    mfcc = features.mfcc.astype(np.float32)
    for name, values in (
        ("mfcc", mfcc),
        ("mfcc_delta", spectrum.deltas(mfcc, 1)),
        ("mfcc_delta2", spectrum.deltas(mfcc, 2)),
    ):
        for number, row in enumerate(values, start=1):
            yield f"{name}_{number}", row


def _medians(contours: Mapping[str, Float32], features: Features) -> dict[str, float | None]:
    """Medians of contours: of formants over voiced frames, of the spectrum over audible ones."""
    loud = features.energy_db > float(np.percentile(features.energy_db, 95)) - 40
    found = {
        f"f{n}_median_hz": _median(contours[f"f{n}_hz"]) for n in range(1, formants.FORMANTS + 1)
    }
    for name in (
        "spectral_centroid_hz", "spectral_bandwidth_hz", "spectral_rolloff_hz", "zero_crossing_rate",
    ):  # fmt: skip
        found[name] = _median(contours[name][loud])
    return found


def _median(values: Float32) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _defined(summary: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: round(float(value), 4)
        for name, value in summary.items()
        if value is not None and math.isfinite(value)
    }

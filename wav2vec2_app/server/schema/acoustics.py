"""The JSON of an acoustic analysis."""

from __future__ import annotations

import numpy as np
from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel, finite, seconds
from wav2vec2_app.speech.acoustic_tables import OF_SPECTRUM, clipped_warning
from wav2vec2_app.speech.acoustics import Acoustics, speaking_rate
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.transcript import Transcript

CEPSTRAL = ("mfcc", "mfcc_delta", "mfcc_delta2")


class PartJson(JsonModel):
    """A part of the recording."""

    start: FiniteFloat
    end: FiniteFloat


class DistributionJson(JsonModel):
    """One value for each coefficient, over all frames."""

    mean: tuple[FiniteFloat, ...]
    deviation: tuple[FiniteFloat, ...]
    """standard deviation"""


class AcousticsJson(JsonModel):
    """Measures of the sound and of the voice."""

    summary: dict[str, FiniteFloat | None]
    """by name; see the table of measures. ``null`` if undefined"""
    warnings: tuple[str, ...]
    """what makes errors in the transcript likely"""
    silences: tuple[PartJson, ...]
    """of at least 0.2 seconds"""
    clipped: tuple[PartJson, ...]
    """parts in which the wave is cut off"""
    times_s: tuple[FiniteFloat, ...]
    """centres of the frames of ``contours``"""
    contours: dict[str, tuple[FiniteFloat | None, ...]]
    """formants and the shape of the spectrum, with units in their names; ``null`` where undefined"""
    mfcc: DistributionJson
    mfcc_delta: DistributionJson
    """differences from frame to frame"""
    mfcc_delta2: DistributionJson
    chroma: tuple[FiniteFloat, ...]
    """mean strength of each pitch class, from C to B"""


def acoustics(found: Acoustics, transcript: Transcript | None) -> AcousticsJson:
    """The JSON of an analysis; with the rate of speech, if there is a transcript."""
    contours = {
        name: tuple(finite(value, 3) for value in row.tolist())
        for name, row in zip(found.names, found.contours, strict=True)
        if name in OF_SPECTRUM
    }
    warning = clipped_warning(found)
    distributions = {name: _distribution(found, f"{name}_") for name in CEPSTRAL}
    return AcousticsJson(
        summary={name: finite(value) for name, value in summary_of(found, transcript).items()},
        warnings=(warning,) if warning else (),
        silences=_parts(found.silences),
        clipped=_parts(found.clipped),
        times_s=tuple(seconds(value) for value in found.times_s.tolist()),
        contours=contours,
        chroma=tuple(_rounded(value) for value in found.chroma.mean(axis=1).tolist()),
        **distributions,
    )


def summary_of(found: Acoustics, transcript: Transcript | None) -> dict[str, float]:
    """All measures, those of the words among them."""
    rate = speaking_rate(transcript.words, transcript.duration_s) if transcript else {}
    return {**found.summary, **rate}


def _parts(parts: Float32) -> tuple[PartJson, ...]:
    return tuple(PartJson(start=seconds(start), end=seconds(end)) for start, end in parts.tolist())


def _distribution(found: Acoustics, prefix: str) -> DistributionJson:
    rows = [
        row
        for name, row in zip(found.names, found.contours, strict=True)
        if name.startswith(prefix) and name[len(prefix) :].isdecimal()
    ]
    return DistributionJson(
        mean=tuple(_rounded(float(np.mean(row))) for row in rows),
        deviation=tuple(_rounded(float(np.std(row))) for row in rows),
    )


def _rounded(value: float) -> float:
    return finite(value) or 0.0

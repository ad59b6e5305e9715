"""The acoustic analysis as tables: measures with what they say, and all contours frame by frame."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from wav2vec2_app.speech.acoustics import MEASURES, Acoustics, Measure

OF_SPECTRUM: Final = frozenset({
    "f1_hz", "f2_hz", "f3_hz", "f4_hz", "spectral_centroid_hz", "spectral_bandwidth_hz",
    "spectral_rolloff_hz", "zero_crossing_rate",
})  # fmt: skip
"""Contours that the JSON has, beside pitch and level."""
PITCH_CLASSES: Final = (
    "c",
    "c_sharp",
    "d",
    "d_sharp",
    "e",
    "f",
    "f_sharp",
    "g",
    "g_sharp",
    "a",
    "a_sharp",
    "b",
)
CHROMA_FRAMES: Final = 10
"""Frames of the contours for each of the chroma."""
_SHARES: Final = frozenset(
    {"clipped_fraction", "silence_fraction", "voiced_fraction", "zero_crossing_rate"}
)


class MeasuredValue(NamedTuple):
    """A measure and its value as text."""

    measure: Measure
    text: str


def readings(summary: Mapping[str, float]) -> list[MeasuredValue]:
    """The measures that a recording has, in the order of their table."""
    return [
        MeasuredValue(measure, _shown(measure, summary[measure.name]))
        for measure in MEASURES
        if measure.name in summary
    ]


def _shown(measure: Measure, value: float) -> str:
    if measure.name in _SHARES:
        return f"{100 * value:.2f} %" if 0 < value < 0.01 else f"{100 * value:.1f} %"
    digits = 0 if measure.unit in ("Hz", "BPM", "words/min", "syllables/min", "") else 1
    digits = 2 if measure.unit in ("%", "s") else digits
    return f"{value:.{digits}f} {measure.unit}".strip()


def clipped_warning(acoustics: Acoustics) -> str:
    """A sentence if the recording is clipped; empty otherwise."""
    if not acoustics.is_clipped:
        return ""
    share = 100 * acoustics.summary["clipped_fraction"]
    return (
        f"This recording is clipped ({share:.2g} % of its samples): expect errors. "
        "Record again with a lower level."
    )


def measures_csv(summary: Mapping[str, float]) -> str:
    """One row for each measure: its name, value, unit and what it says."""
    rows = (
        (measure.name, f"{summary[measure.name]:.6g}", measure.unit, measure.help)
        for measure in MEASURES
        if measure.name in summary
    )
    return _csv([("measure", "value", "unit", "meaning"), *rows])


def frames_csv(acoustics: Acoustics, max_rows: int | None = None) -> str:
    """One row for each frame: its time, pitch, level, formants, spectrum, MFCC, differences and chroma.

    With ``max_rows``, every second, third… frame of a long recording.
    """
    step = 1 if max_rows is None else -(-len(acoustics.times_s) // max_rows)
    head = ("time_s", *acoustics.names, *(f"chroma_{name}" for name in PITCH_CLASSES))
    return _csv([head, *_frame_rows(acoustics, max(1, step))])


def _frame_rows(acoustics: Acoustics, step: int) -> Iterator[Sequence[str]]:
    last = acoustics.chroma.shape[1] - 1
    columns = np.minimum(np.arange(len(acoustics.times_s)) // CHROMA_FRAMES, last)
    table = np.vstack([acoustics.times_s, acoustics.contours, acoustics.chroma[:, columns]])
    for row in table.T[::step].tolist():
        yield ["" if math.isnan(value) else f"{value:.6g}" for value in row]


def _csv(rows: Sequence[Sequence[str]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue()

"""Picture of pitch (F0) and energy, on one time axis."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import (
    FOOT,
    HEAD,
    TEAL,
    Canvas,
    Panel,
)
from wav2vec2_app.worker.plots.raster import thin
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.ticks import signed, value_ticks

PITCH_PANEL_HEIGHT, ENERGY_PANEL_HEIGHT = 120, 84
F0_TICKS_HZ = (60, 75, 100, 125, 150, 200, 250, 300, 400, 500)
MIN_PITCH_RANGE_OCTAVES = 0.8
MAX_PITCH_TICKS = 6
DEFAULT_PITCH_RANGE_HZ = (75.0, 300.0)
"""Pitch axis of a recording without voice, Hz."""
PITCH_ENERGY_COLUMNS = 1448
MIN_ENERGY_DBFS = -80.0


def draw(scene: Scene) -> Picture:
    """F0 of voiced frames on a logarithmic axis; RMS level below."""
    height = 2 * HEAD + PITCH_PANEL_HEIGHT + ENERGY_PANEL_HEIGHT + FOOT
    canvas = Canvas(scene.start_s, scene.end_s, height)
    _draw_pitch(canvas, scene)
    _draw_energy(canvas, scene)
    return canvas.finish("pitch_energy", "Pitch and energy", _describe(scene))


def _draw_pitch(canvas: Canvas, scene: Scene) -> None:
    f0_hz = scene.features.f0_hz
    voiced = f0_hz[np.isfinite(f0_hz)]
    low_hz, high_hz = f0_range(voiced)
    panel = canvas.panel(HEAD, PITCH_PANEL_HEIGHT, float(np.log2(low_hz)), float(np.log2(high_hz)))
    ticks = [hz for hz in F0_TICKS_HZ if low_hz <= hz <= high_hz]
    ticks = ticks[:: 1 + (len(ticks) - 1) // MAX_PITCH_TICKS]
    canvas.y_ticks(panel, {float(np.log2(hz)): str(hz) for hz in ticks})
    canvas.time_grid(panel)
    canvas.title(panel, "Pitch F0 (Hz)")
    if not len(voiced):
        canvas.text(
            canvas.x((scene.start_s + scene.end_s) / 2), panel.top + PITCH_PANEL_HEIGHT / 2,
            "no voiced sound found", "axis middle centred",
        )  # fmt: skip
        return
    _draw_contour(panel, scene.features.times_s, np.log2(f0_hz))


def _draw_contour(panel: Panel, times_s: Float32, height: Float32) -> None:
    """A line through voiced columns, and a dot for a single one."""
    times_s, height = thin(times_s, np.mean, PITCH_ENERGY_COLUMNS), _thin_voiced(height)
    panel.axes.plot(times_s, height, color=TEAL, linewidth=2.2, solid_capstyle="round")
    voiced = np.isfinite(height)
    neighbours = np.pad(voiced, 1)
    single = voiced & ~neighbours[:-2] & ~neighbours[2:]
    panel.axes.plot(
        times_s[single], height[single], linestyle="", marker="o", markersize=2.4, color=TEAL
    )


def _thin_voiced(values: Float32) -> Float32:
    """Means over the voiced frames of each column; NaN if it has none."""
    voiced = np.isfinite(values)
    share = thin(voiced.astype(np.float32), np.mean, PITCH_ENERGY_COLUMNS)
    total = thin(np.where(voiced, values, 0).astype(np.float32), np.mean, PITCH_ENERGY_COLUMNS)
    mean: Float32 = np.where(share > 0, total / np.maximum(share, 1e-9), np.nan).astype(np.float32)
    return mean


def _draw_energy(canvas: Canvas, scene: Scene) -> None:
    energy = np.maximum(scene.features.energy_db, MIN_ENERGY_DBFS)
    low = max(MIN_ENERGY_DBFS, 20 * np.floor(float(energy.min()) / 20))
    top = 2 * HEAD + PITCH_PANEL_HEIGHT
    panel = canvas.panel(top, ENERGY_PANEL_HEIGHT, low, 0.0)
    times_s = thin(scene.features.times_s, np.mean, PITCH_ENERGY_COLUMNS)
    level = thin(energy, np.mean, PITCH_ENERGY_COLUMNS)
    panel.axes.fill_between(times_s, low, level, color=TEAL, alpha=0.25, linewidth=0)
    panel.axes.plot(times_s, level, color=TEAL, linewidth=1.6)
    canvas.y_ticks(panel, {value: signed(value) for value in value_ticks(low, 0.0, 4)}, dense=True)
    canvas.time_axis(panel)
    canvas.title(panel, "Energy (dBFS)")


def f0_range(voiced: Float32) -> tuple[float, float]:
    """Range of the pitch axis, Hz: 98 % of the voiced frames, and at least 0.8 octaves."""
    if not len(voiced):
        return DEFAULT_PITCH_RANGE_HZ
    low, high = (float(value) for value in np.percentile(voiced, (1, 99)))
    middle = np.sqrt(low * high)
    half = max(np.log2(high / low) / 2 + 0.15, MIN_PITCH_RANGE_OCTAVES / 2)
    return float(middle * 2**-half), float(middle * 2**half)


def _describe(scene: Scene) -> str:
    summary = scene.features.summary
    if "f0_median_hz" in summary:
        pitch = (
            f"Pitch: median {summary['f0_median_hz']:.0f} Hz, mostly "
            f"{summary['f0_p05_hz']:.0f} to {summary['f0_p95_hz']:.0f} Hz, "
            f"voiced {summary['voiced_fraction']:.0%} of the time."
        )
    else:
        pitch = "Pitch: no voiced sound found."
    if "rms_dbfs" not in summary:
        return pitch
    level = f"{summary['rms_dbfs']:.0f} dBFS on average, peak {summary['peak_dbfs']:.0f}"
    return f"{pitch} Energy: {level}.".replace("-", "−")

"""Picture of the waveform, with the words at their times."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import FOOT, TEAL, Canvas
from wav2vec2_app.worker.plots.raster import thin
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.ticks import signed, value_ticks
from wav2vec2_app.worker.plots.words import draw_words, plan_words

WAVEFORM_COLUMNS = 724
"""One column for each unit of the canvas."""
TITLE_HEIGHT = 24
"""Height of the axis title at the top."""
WAVEFORM_PANEL_HEIGHT = 150
MIN_AMPLITUDE_RANGE = 0.02
"""Least range of the vertical axis, so that silence is not magnified."""


def draw(scene: Scene) -> Picture:
    """Minimum and maximum of each column; words as bands with labels."""
    marks = plan_words(scene.words, scene.duration_s)
    top = TITLE_HEIGHT + marks.height
    canvas = Canvas(scene.duration_s, top + WAVEFORM_PANEL_HEIGHT + FOOT)
    peak = float(np.abs(scene.samples).max(initial=0))
    reach = max(peak, MIN_AMPLITUDE_RANGE)
    panel = canvas.panel(top, WAVEFORM_PANEL_HEIGHT, -1.05 * reach, 1.05 * reach)
    low, high = (thin(scene.samples, reduce, WAVEFORM_COLUMNS) for reduce in (np.min, np.max))
    times_s = np.linspace(0, scene.duration_s, len(low))
    panel.axes.fill_between(times_s, low, high, color=TEAL, linewidth=0.8)
    ticks = value_ticks(-reach, reach, 4)
    canvas.y_ticks(panel, {value: signed(value) for value in ticks}, dense=True)
    canvas.time_axis(panel)
    canvas.heading(16, "Amplitude (full scale = 1)")
    draw_words(canvas, panel, marks)
    return canvas.finish("waveform", "Waveform", _describe(scene, peak, len(marks.labels)))


def _describe(scene: Scene, peak: float, labelled: int) -> str:
    text = f"Amplitude over {scene.duration_s:.1f} seconds, peak {peak:.2f} of full scale."
    if not scene.words:
        return text
    first, last = scene.words[0], scene.words[-1]
    text += (
        f" {len(scene.words)} words marked, from {first.text} at {first.start_s:.2f} s"
        f" to {last.text} ending at {last.end_s:.2f} s."
    )
    if labelled < len(scene.words):
        text += f" {labelled} of them are labelled; the others had no room."
    return text

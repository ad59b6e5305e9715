"""Picture of the waveform, with the words at their times."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import FOOT, HEAD, TEAL, Canvas
from wav2vec2_app.worker.plots.raster import thin
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.ticks import signed, value_ticks
from wav2vec2_app.worker.plots.words import draw_words, plan_words

WAVEFORM_COLUMNS = 724
"""One column for each unit of the canvas."""
WAVEFORM_PANEL_HEIGHT = 150
MIN_AMPLITUDE_RANGE = 0.02
"""Least range of the vertical axis, so that silence is not magnified."""


def draw(scene: Scene) -> Picture:
    """Minimum and maximum of each column; words as bands with labels.

    The vertical axis is that of the recording, so that its parts can be compared.
    """
    marks = plan_words(scene.words, scene.start_s, scene.end_s)
    height = HEAD + WAVEFORM_PANEL_HEIGHT + marks.height + FOOT
    canvas = Canvas(scene.start_s, scene.end_s, height)
    peak = float(np.abs(scene.samples).max(initial=0))
    reach = max(peak, _peak_of_recording(scene), MIN_AMPLITUDE_RANGE)
    panel = canvas.panel(HEAD, WAVEFORM_PANEL_HEIGHT, -1.05 * reach, 1.05 * reach)
    low, high = (thin(scene.samples, reduce, WAVEFORM_COLUMNS) for reduce in (np.min, np.max))
    times_s = np.linspace(scene.start_s, scene.end_s, len(low))
    panel.axes.fill_between(times_s, low, high, color=TEAL, linewidth=0.8)
    ticks = value_ticks(-reach, reach, 4)
    canvas.y_ticks(panel, {value: signed(value) for value in ticks}, dense=True)
    canvas.time_axis(panel, marks.height)
    canvas.title(panel, "Amplitude (full scale = 1)")
    draw_words(canvas, panel, marks)
    return canvas.finish("waveform", "Waveform", _describe(scene, peak, len(marks.labels)))


def _peak_of_recording(scene: Scene) -> float:
    return float(10 ** (scene.features.summary.get("peak_dbfs", -np.inf) / 20))


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

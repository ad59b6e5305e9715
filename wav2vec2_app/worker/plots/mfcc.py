"""Picture of the mel-frequency cepstral coefficients over time."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import FOOT, HEAD, ORANGE, TEAL, Canvas
from wav2vec2_app.worker.plots.raster import diverging_palette, shades, thin
from wav2vec2_app.worker.plots.scene import Scene

MFCC_PANEL_HEIGHT = 182
RANGE_SIGMA = 2.5
"""Range of the colours on either side of the mean, standard deviations."""
MFCC_COLUMNS = 450
"""Fewer than a screen has pixels: at a finer resolution the coefficients look like noise."""


def draw(scene: Scene) -> Picture:
    """Each coefficient relative to its mean, in its standard deviations.

    Unscaled, coefficient 0 (the level) is ten times the others and would dominate.
    """
    mfcc = scene.features.mfcc.astype(np.float32)
    orders = mfcc.shape[0]
    deviation = mfcc - mfcc.mean(axis=1, keepdims=True)
    sigma = np.maximum(deviation.std(axis=1, keepdims=True), 1e-3)
    canvas = Canvas(scene.start_s, scene.end_s, HEAD + MFCC_PANEL_HEIGHT + FOOT)
    panel = canvas.panel(HEAD, MFCC_PANEL_HEIGHT, -0.5, orders - 0.5)
    palette = diverging_palette(TEAL, ORANGE)
    begin_s, end_s = scene.frames_extent_s
    canvas.image(
        panel, shades(thin(deviation / sigma, np.mean, MFCC_COLUMNS), -RANGE_SIGMA, RANGE_SIGMA), palette,
        start_s=begin_s, end_s=end_s, y_low=-0.5, y_high=orders - 0.5,
    )  # fmt: skip
    canvas.y_ticks(
        panel, {order: str(order) for order in range(0, orders, 2)}, grid=False, dense=True
    )
    canvas.time_axis(panel)
    canvas.title(panel, "Coefficient")
    canvas.key(panel, palette, "−2.5", "2.5 σ")
    description = (
        f"{orders} mel-frequency cepstral coefficients over {scene.duration_s:.1f} seconds, each "
        "against its own mean in standard deviations: teal below, orange above. "
        "Coefficient 0 follows the level, 1 the tilt of the spectrum, higher ones finer shape."
    )
    return canvas.finish("mfcc", "MFCC", description)

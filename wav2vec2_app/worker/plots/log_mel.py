"""Picture of the log-mel spectrogram, on a mel axis with ticks in Hz."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import FOOT, HEAD, Canvas
from wav2vec2_app.worker.plots.raster import named_palette, shades, thin
from wav2vec2_app.worker.plots.scene import Scene

LOG_MEL_PANEL_HEIGHT = 200
LOG_MEL_RANGE_DB = 80.0
"""Range of the colours below the loudest cell, dB."""
TICKS_HZ = (500, 1000, 2000, 4000, 8000)


def draw(scene: Scene) -> Picture:
    """Energy of each mel band over time, dB below the loudest."""
    log_mel = scene.features.log_mel_db
    bands = log_mel.shape[0]
    canvas = Canvas(scene.start_s, scene.end_s, HEAD + LOG_MEL_PANEL_HEIGHT + FOOT)
    panel = canvas.panel(HEAD, LOG_MEL_PANEL_HEIGHT, 0.0, bands + 1)
    palette = named_palette("magma")
    begin_s, end_s = scene.frames_extent_s
    # Band k is a triangle that peaks k + 1 steps up the mel axis.
    canvas.image(
        panel, shades(thin(log_mel, np.mean), -LOG_MEL_RANGE_DB, 0.0), palette,
        start_s=begin_s, end_s=end_s,
        y_low=0.5, y_high=bands + 0.5, smooth=True,
    )  # fmt: skip
    top = slaney_mel(SAMPLE_RATE_HZ / 2)
    ticks = {slaney_mel(hz) / top * (bands + 1): _hz(hz) for hz in TICKS_HZ}
    canvas.y_ticks(panel, ticks, grid=False, dense=True)
    canvas.time_axis(panel)
    canvas.title(panel, "Frequency (Hz, mel-spaced)")
    canvas.key(panel, palette, "−80", "0 dB")
    return canvas.finish("log_mel", "Log-mel spectrogram", _describe(scene))


def slaney_mel(hz: float) -> float:
    """Slaney's mel scale (Interval Technical Report 1998-010): linear to 1 kHz, then logarithmic."""
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


def _hz(hz: int) -> str:
    return f"{hz // 1000}k" if hz >= 1000 else str(hz)


def _describe(scene: Scene) -> str:
    text = (
        f"Energy of {scene.features.log_mel_db.shape[0]} mel bands from 0 to 8000 Hz over "
        f"{scene.duration_s:.1f} seconds, in dB below the loudest point."
    )
    centroid = scene.features.summary.get("spectral_centroid_hz")
    return text if centroid is None else f"{text} Spectral centroid {centroid:.0f} Hz."

"""Draws pictures of a recording: one pure function each, from a scene to an SVG.

To add a picture: write a module with ``draw(scene) -> Picture`` and name it in :data:`PICTURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.plots import emission, log_mel, mfcc, pitch_energy, waveform
from wav2vec2_app.worker.plots.scene import Scene

PICTURES: Mapping[str, Callable[[Scene], Picture]] = {
    "waveform": waveform.draw,
    "log_mel": log_mel.draw,
    "mfcc": mfcc.draw,
    "pitch_energy": pitch_energy.draw,
    "emission": emission.draw,
}
"""All pictures by name, in display order."""

NEED_EMISSION: frozenset[str] = frozenset({"emission"})
"""Pictures that need an emission."""


def draw(
    name: str,
    samples: Float32,
    features: Features,
    emission: Emission | None = None,
    words: Sequence[Word] = (),
    start_s: float = 0.0,
) -> Picture:
    """Draw one picture of a recording, or of a part of it that begins at ``start_s``.

    Raises:
        InputError: ``picture.unknown``, ``picture.needs_emission``.
    """
    try:
        picture = PICTURES[name]
    except KeyError:
        raise InputError(
            f"There is no picture called {name[:40]!r}.",
            code="picture.unknown",
            hint=f"Choose from {', '.join(PICTURES)}.",
        ) from None
    return picture(Scene(samples, features, emission, tuple(words), start_s))


def warm_up() -> None:
    """Draw every picture once, small, so that the first request does not wait for imports and caches."""
    frames = 11
    features = Features(
        times_s=np.linspace(0, 0.1, frames, dtype=np.float32),
        f0_hz=np.full(frames, 120, np.float32),
        energy_db=np.full(frames, -20, np.float32),
        log_mel_db=np.zeros((80, frames), np.float16),
        mfcc=np.zeros((13, frames), np.float16),
        summary={
            "f0_median_hz": 120, "f0_p05_hz": 120, "f0_p95_hz": 120, "voiced_fraction": 1,
            "rms_dbfs": -20, "peak_dbfs": -17,
        },
    )  # fmt: skip
    emission = Emission(np.log([[0.5, 0.5]] * 5).astype(np.float32), ("<pad>", "A"), 0, "|", 0.02)
    for name in PICTURES:
        draw(name, np.zeros(1600, np.float32), features, emission, (Word("a", 0.0, 0.1, 1.0),))

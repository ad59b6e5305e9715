"""Encodes decoded audio as a WAV file."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32


def wav_of(samples: Float32) -> bytes:
    """``samples`` in [-1, 1] as 16-bit PCM, mono, 16 kHz; what exceeds this range is clipped."""
    file = io.BytesIO()
    clipped = np.clip(np.nan_to_num(samples), -1.0, 1.0)
    soundfile.write(file, clipped, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()

"""The acoustic analysis: loudness, voice, formants, spectrum, rhythm, silences. numpy only, in blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

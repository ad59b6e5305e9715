"""Where in an emission nothing is said for a while."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.emission import Emission


def blank_runs(emission: Emission) -> list[tuple[int, int]]:
    """Runs of frames ``[start, stop)`` in which blank is the most probable token, in order.

    Their lengths count from the last letter to the next one: blank stands between letters as well.
    """
    blank = emission.log_probs.argmax(axis=1) == emission.blank_id
    edges = np.flatnonzero(np.diff(np.r_[False, blank, False]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

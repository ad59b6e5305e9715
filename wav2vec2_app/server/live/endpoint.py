"""Endpointing: where an utterance of live captions ends."""

from __future__ import annotations

from wav2vec2_app.server.live.captions import CaptionPolicy
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.pauses import first_pause, longest_pause, quietest_s

TAIL_SHARE = 0.6
"""Share of a pause that still belongs to the utterance before it."""
IMPATIENCE_FROM = 0.6
"""From this share of the longest utterance on, shorter pauses end it as well."""
MIN_PAUSE_SHARE = 0.5
"""Share of ``pause_s`` that ends an utterance of the maximum length."""
MIN_CUT_SHARE = 0.4
"""An utterance that is too long is not cut before this share of the maximum length."""
UNSETTLED_S = 1.5
"""An utterance is not cut in the newest audio, whose letters may still change, seconds."""


def find_endpoint(
    policy: CaptionPolicy, emission: Emission, samples: Float32, before: int
) -> int | None:
    """Where the utterance ends, in samples from the start of ``samples``; ``None`` if it continues.

    ``emission`` is that of ``samples`` ``(n,)``; ``before`` samples of the utterance precede them.
    """
    length_s = (before + len(samples)) / SAMPLE_RATE_HZ
    pause = first_pause(emission, _pause_s(policy, length_s))
    if pause is not None:
        tail_s = TAIL_SHARE * min(policy.pause_s, pause.duration_s)
        return round((pause.start_s + tail_s) * SAMPLE_RATE_HZ)
    if length_s < policy.utterance_s:
        return None
    earliest_s = max(0.0, MIN_CUT_SHARE * policy.utterance_s - before / SAMPLE_RATE_HZ)
    latest_s = emission.duration_s - UNSETTLED_S
    best = longest_pause(emission, earliest_s, latest_s)
    cut_s = best.middle_s if best else quietest_s(samples, earliest_s)
    return round(cut_s * SAMPLE_RATE_HZ)


def _pause_s(policy: CaptionPolicy, length_s: float) -> float:
    """The shortest pause that ends an utterance of this length, seconds."""
    progress = (length_s / policy.utterance_s - IMPATIENCE_FROM) / (1 - IMPATIENCE_FROM)
    return policy.pause_s * (1 - (1 - MIN_PAUSE_SHARE) * min(max(progress, 0.0), 1.0))

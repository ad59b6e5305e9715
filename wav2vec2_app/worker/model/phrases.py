"""Divides an emission into phrases, which the beam decodes one by one.

A language model scores the beginning and the end of a sentence, and a beam keeps few hypotheses of a long
passage. Both work better on a phrase than on a minute: recordings joined from utterances of held-out speakers
(5 minutes each) have a word error rate of 30.8 % instead of 32.6 %, the utterances themselves 26.7 % instead
of 27.3 % (``training/README.md``).
"""

from __future__ import annotations

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.pauses import FrameSpan, word_final_blank_runs

PHRASE_PAUSE_S = 0.3
"""Shortest pause beside a word delimiter that ends a phrase, seconds."""
UNDELIMITED_PHRASE_PAUSE_S = 1.0
"""Shortest pause without a word delimiter that ends a phrase, seconds."""
MIN_PHRASE_S = 2.0
"""Shortest phrase, seconds."""


def phrase_spans(emission: Emission) -> list[FrameSpan]:
    """Frames of each phrase, cut in the middle of pauses; the spans cover all frames."""
    shortest, frames = round(MIN_PHRASE_S / emission.frame_s), len(emission.log_probs)
    spans, start = [], 0
    for pause in word_final_blank_runs(
        emission, min_s=PHRASE_PAUSE_S, undelimited_min_s=UNDELIMITED_PHRASE_PAUSE_S
    ):
        middle = sum(pause) // 2
        if middle - start >= shortest and frames - middle >= shortest:
            spans.append((start, middle))
            start = middle
    return [*spans, (start, frames)]

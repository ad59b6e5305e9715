"""An emission in phrases, which are read one by one: people pause between them.

A language model knows how sentences begin and end, and a beam keeps few hypotheses of something long. Both do
better on a phrase than on a minute: recordings joined from utterances of held-out speakers (5 minutes each)
are read with 30.8 % word errors instead of 32.6, the utterances themselves with 26.7 instead of 27.3
(``training/README.md``).
"""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.pauses import blank_runs

PAUSE_S = 0.3
"""A pause of this length may end a phrase, seconds; shorter ones are heard between words of one."""
BREAK_S = 1.0
"""A pause of this length ends a word even where no end of a word is heard beside it, seconds."""
LEAST_S = 2.0
"""What a phrase lasts at least, seconds."""


def phrases_of(emission: Emission) -> list[tuple[int, int]]:
    """Frames ``[start, stop)`` of each phrase, cut in the middles of pauses; together they are all frames.

    Blanks stand between the letters of a drawn-out word as well, so a pause is one where the word delimiter
    is heard before or after it.
    """
    least, break_ = round(LEAST_S / emission.frame_s), round(BREAK_S / emission.frame_s)
    pause = round(PAUSE_S / emission.frame_s)
    frames = len(emission.log_probs)
    heard = emission.log_probs.argmax(axis=1)
    ends_word = np.array([token == emission.word_delimiter for token in emission.vocabulary])[heard]
    phrases, start = [], 0
    for begin, end in blank_runs(emission):
        middle = (begin + end) // 2
        beside = ends_word[max(0, begin - 1) : end + 1].any()
        is_pause = end - begin >= (pause if beside else break_)
        if is_pause and middle - start >= least and frames - middle >= least:
            phrases.append((start, middle))
            start = middle
    return [*phrases, (start, frames)]

"""Long audio in windows as the service has it heard, and what becomes of words where two windows meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import jiwer

from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.seams import SEAM_CONTEXT_FRAMES, join, place_seams
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.speech.windows import Level, windows_of
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.recognizer import Recognizer

NEAR_S = 1.0
"""Words this close to a seam count as being at it."""
SAME_S = 0.25
"""A word that begins within so much of another, and reads the same, is the same."""


@dataclass(frozen=True)
class InWindows:
    """A recording's emission; those of its windows, and when each begins; the seams. Times in seconds."""

    emission: Emission
    parts: tuple[Emission, ...]
    starts_s: tuple[float, ...]
    seams_s: tuple[float, ...]


def heard_in_windows(recognizer: Recognizer, samples: Float32, settings: Settings) -> InWindows:
    """What the service would make of ``samples``."""
    grid = recognizer.grid
    windows = windows_of(
        len(samples), grid, window_s=settings.window_s, overlap_s=settings.window_overlap_s
    )
    level = Level.of(samples)
    parts = tuple(recognizer.emit(samples[w.start : w.stop], level) for w in windows)
    ends = [w.start // grid.hop + w.keep_to for w in place_seams(windows, parts)]
    return InWindows(
        emission=join(windows, parts),
        parts=parts,
        starts_s=tuple(w.start / SAMPLE_RATE_HZ for w in windows),
        seams_s=tuple(frame * grid.hop / SAMPLE_RATE_HZ for frame in ends[:-1]),
    )


@dataclass
class AtSeams:
    """Words on the best path where two windows meet: ``compared`` are those that both hear."""

    compared: int = 0
    lost: int = 0
    doubled: int = 0


def at_seams(heard: InWindows) -> AtSeams:
    """What became of the words in what two neighbours share.

    *Lost* is one that both hear and the whole has not; *doubled* one that the whole has more often than
    either, and more than once. What only one of them hears is a matter of its hearing, not of the seam.
    """
    found = AtSeams()
    whole = _words(heard.emission, 0.0)
    ears = [_words(one, start) for one, start in zip(heard.parts, heard.starts_s, strict=True)]
    seams_s = (0.0, *heard.seams_s, heard.emission.duration_s)
    edge_s = (
        SEAM_CONTEXT_FRAMES * heard.emission.frame_s
    )  # at its ends a window lacks what is beyond
    for number, (left, right) in enumerate(pairwise(ears)):
        stop_s = heard.starts_s[number] + heard.parts[number].duration_s
        begin_s = max(heard.starts_s[number + 1] + edge_s, seams_s[number])
        end_s = min(stop_s - edge_s, seams_s[number + 2])
        both = [one for one in left if begin_s < one[1] < end_s and _among(one, right)]
        found.compared += len(both)
        found.lost += sum(not _among(one, whole) for one in both)
        counts = [
            Counter(text for text, at_s in words if begin_s < at_s < end_s)
            for words in (whole, left, right)
        ]
        more = counts[0] - (counts[1] | counts[2])
        found.doubled += sum(times for text, times in more.items() if counts[0][text] > 1)
    return found


def _words(emission: Emission, from_s: float) -> list[tuple[str, float]]:
    words: Sequence[Word] = words_of_path(emission, emission.log_probs.argmax(axis=1))
    return [(word.text, from_s + word.start_s) for word in words]


def _among(word: tuple[str, float], words: Sequence[tuple[str, float]]) -> bool:
    return any(text == word[0] and abs(at_s - word[1]) < SAME_S for text, at_s in words)


@dataclass
class Tally:
    """Words said or heard, and those lost (said, not heard) or added (heard, not said)."""

    words: int = 0
    lost_or_added: int = 0

    @property
    def share(self) -> float:
        """Per cent."""
        return 100 * self.lost_or_added / max(1, self.words)


def tally(
    said: str, heard: Sequence[Word], seams: Sequence[float], near: Tally, far: Tally
) -> None:
    """Count the words of one recording, each by the time of the word heard at its place."""
    found = jiwer.process_words(said, " ".join(word.text for word in heard).lower())
    for chunk in found.alignments[0]:
        first, last = chunk.hyp_start_idx, max(chunk.hyp_start_idx, chunk.hyp_end_idx - 1)
        for number in range(max(chunk.ref_end_idx - chunk.ref_start_idx, last + 1 - first)):
            word = heard[min(first + number, last, len(heard) - 1)]
            middle_s = (word.start_s + word.end_s) / 2
            at_seam = any(abs(middle_s - seam) < NEAR_S for seam in seams)
            counted = near if at_seam else far
            counted.words += 1
            counted.lost_or_added += chunk.type in ("insert", "delete")

"""Emissions of long audio in windows, joined as in the service, and words lost or doubled at the seams."""

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
from wav2vec2_app.speech.windows import SampleStatistics, windows_of
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.recognizer import Recognizer

NEAR_S = 1.0
"""Words this close to a seam count as being at it."""
SAME_S = 0.25
"""Two words are the same if their texts are equal and they begin within this time, seconds."""


@dataclass(frozen=True)
class InWindows:
    """A recording's emission; the emissions of its windows and their starts; the seams. Times in seconds."""

    emission: Emission
    parts: tuple[Emission, ...]
    starts_s: tuple[float, ...]
    seams_s: tuple[float, ...]


def emit_in_windows(recognizer: Recognizer, samples: Float32, settings: Settings) -> InWindows:
    """Run ``samples`` through the model as the service does."""
    grid = recognizer.grid
    windows = windows_of(
        len(samples), grid, window_s=settings.window_s, overlap_s=settings.window_overlap_s
    )
    level = SampleStatistics.of(samples)
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
    """Greedily decoded words where two windows overlap: ``compared`` are those that both contain."""

    compared: int = 0
    lost: int = 0
    doubled: int = 0


def at_seams(recording: InWindows) -> AtSeams:
    """Count the words in the overlaps of neighbouring windows.

    A word is *lost* if both windows contain it and the joined emission does not; it is *doubled* if the
    joined emission contains it more often than either window, and more than once. A word that only one
    window contains is a recognition error, not an error of the seam.
    """
    found = AtSeams()
    joined = _words(recording.emission, 0.0)
    single = [
        _words(one, start) for one, start in zip(recording.parts, recording.starts_s, strict=True)
    ]
    seams_s = (0.0, *recording.seams_s, recording.emission.duration_s)
    edge_s = SEAM_CONTEXT_FRAMES * recording.emission.frame_s  # at its ends a window lacks context
    for number, (left, right) in enumerate(pairwise(single)):
        stop_s = recording.starts_s[number] + recording.parts[number].duration_s
        begin_s = max(recording.starts_s[number + 1] + edge_s, seams_s[number])
        end_s = min(stop_s - edge_s, seams_s[number + 2])
        both = [one for one in left if begin_s < one[1] < end_s and _among(one, right)]
        found.compared += len(both)
        found.lost += sum(not _among(one, joined) for one in both)
        counts = [
            Counter(text for text, at_s in words if begin_s < at_s < end_s)
            for words in (joined, left, right)
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
    """Words in all, and those lost (deletions) or added (insertions)."""

    words: int = 0
    lost_or_added: int = 0

    @property
    def share(self) -> float:
        """Lost or added words, per cent."""
        return 100 * self.lost_or_added / max(1, self.words)


def tally(
    reference: str, found: Sequence[Word], seams: Sequence[float], near: Tally, far: Tally
) -> None:
    """Count the words of one recording, each at the time of the recognised word that it is aligned with."""
    aligned = jiwer.process_words(reference, " ".join(word.text for word in found).lower())
    for chunk in aligned.alignments[0]:
        first, last = chunk.hyp_start_idx, max(chunk.hyp_start_idx, chunk.hyp_end_idx - 1)
        for number in range(max(chunk.ref_end_idx - chunk.ref_start_idx, last + 1 - first)):
            word = found[min(first + number, last, len(found) - 1)]
            middle_s = (word.start_s + word.end_s) / 2
            at_seam = any(abs(middle_s - seam) < NEAR_S for seam in seams)
            counted = near if at_seam else far
            counted.words += 1
            counted.lost_or_added += chunk.type in ("insert", "delete")

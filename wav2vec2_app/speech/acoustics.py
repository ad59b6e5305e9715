"""The acoustic analysis of a recording: measures, contours on one frame grid, silences and clipped parts.

Each measure is a row of :data:`MEASURES`: the tables of the page, the command line, the CSV and
``docs/api.md`` are made from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.transcript import Word

CLIPPED_WARNING: Final = 0.0001
"""Share of clipped samples from which errors in the transcript are to be expected."""
PAUSE_S: Final = 0.25
"""Silence between two words that counts as a pause, seconds."""
MAX_PARTS: Final = 2000
"""Most silences and most clipped parts that are listed."""


@dataclass(frozen=True)
class Measure:
    """One row of the table: name with its unit, label, unit as it is shown, and what it says, in a line."""

    name: str
    label: str
    unit: str
    help: str


MEASURES: Final = (
    Measure(
        "loudness_lufs", "Loudness", "LUFS", "Loudness as broadcasters measure it (ITU-R BS.1770)."
    ),
    Measure("rms_dbfs", "Level (RMS)", "dBFS", "Mean power of the samples; full scale is 0."),
    Measure("peak_dbfs", "Peak", "dBFS", "The largest sample; at 0 the recording may be clipped."),
    Measure(
        "clipped_fraction",
        "Clipped samples",
        "",
        "Share of samples at full scale, where the wave is cut off.",
    ),
    Measure(
        "noise_floor_dbfs", "Noise floor", "dBFS", "Level of the quietest tenth of the recording."
    ),
    Measure(
        "snr_db", "Signal to noise", "dB", "How far speech is above the noise floor; an estimate."
    ),
    Measure(
        "silence_fraction",
        "Silence",
        "",
        "Share of the recording in silences of at least 0.2 seconds.",
    ),
    Measure(
        "voiced_fraction", "Voiced", "", "Share of the recording in which the vocal folds vibrate."
    ),
    Measure("f0_median_hz", "Pitch", "Hz", "Median rate at which the vocal folds vibrate."),
    Measure("f0_p05_hz", "Pitch, low", "Hz", "One twentieth of the voiced time is lower."),
    Measure("f0_p95_hz", "Pitch, high", "Hz", "One twentieth of the voiced time is higher."),
    Measure(
        "jitter_percent",
        "Jitter",
        "%",
        "How much neighbouring periods of the voice differ in length.",
    ),
    Measure(
        "shimmer_percent",
        "Shimmer",
        "%",
        "How much neighbouring periods of the voice differ in strength.",
    ),
    Measure(
        "f1_median_hz", "Formant 1", "Hz", "First resonance of the mouth; high for open vowels."
    ),
    Measure("f2_median_hz", "Formant 2", "Hz", "Second resonance; high for front vowels."),
    Measure("f3_median_hz", "Formant 3", "Hz", "Third resonance; low for R sounds."),
    Measure(
        "f4_median_hz",
        "Formant 4",
        "Hz",
        "Fourth resonance; depends on the speaker more than on the vowel.",
    ),
    Measure(
        "spectral_centroid_hz",
        "Spectral centroid",
        "Hz",
        "Centre of gravity of the spectrum: how bright it sounds.",
    ),
    Measure(
        "spectral_bandwidth_hz",
        "Spectral bandwidth",
        "Hz",
        "How widely the spectrum spreads around its centroid.",
    ),
    Measure(
        "spectral_rolloff_hz",
        "Spectral roll-off",
        "Hz",
        "85 % of the spectrum lie below this frequency.",
    ),
    Measure(
        "zero_crossing_rate",
        "Zero crossings",
        "",
        "Share of samples at which the wave changes its sign; high for hissing.",
    ),
    Measure(
        "tempo_bpm", "Tempo", "BPM", "Beats a minute of music, or the rhythm of the syllables."
    ),
    Measure(
        "words_per_minute", "Speaking rate", "words/min", "Words a minute of the whole recording."
    ),
    Measure("syllables_per_minute", "Syllables", "syllables/min", "Estimated syllables a minute."),
    Measure(
        "articulation_rate",
        "Articulation rate",
        "syllables/s",
        "Estimated syllables a second, without pauses.",
    ),
    Measure("pauses", "Pauses", "", "Silences of at least 0.25 seconds between two words."),
    Measure("mean_pause_s", "Mean pause", "s", "Mean length of the pauses."),
    Measure("longest_pause_s", "Longest pause", "s", "The longest silence between two words."),
)
"""The table, in the order of the page."""


@dataclass(frozen=True)
class Acoustics:
    """The analysis of a recording.

    Attributes:
        times_s: ``(n,)`` centre of each frame.
        names: of the contours, with their units; MFCC are ``mfcc_1`` and so on, their differences
            ``mfcc_delta_1`` and ``mfcc_delta2_1``.
        contours: ``(len(names), n)``, NaN where undefined.
        chroma: ``(12, m)`` share of each pitch class from C on, ten times a second; the largest is 1.
        silences: ``(k, 2)`` starts and ends, seconds.
        clipped: ``(k, 2)`` the same of clipped parts.
        summary: by the names of :data:`MEASURES`; undefined ones are missing.
    """

    times_s: Float32
    names: tuple[str, ...]
    contours: Float32
    chroma: Float32
    silences: Float32
    clipped: Float32
    summary: Mapping[str, float]

    @property
    def is_clipped(self) -> bool:
        """Whether so much is clipped that errors are to be expected."""
        return self.summary.get("clipped_fraction", 0.0) >= CLIPPED_WARNING


# --- the rate of speech -------------------------------------------------------------------------


def speaking_rate(words: Sequence[Word], duration_s: float) -> dict[str, float]:
    """Measures of the words of one speaker or several; empty without words."""
    if not words or duration_s <= 0:
        return {}
    pauses = [gap for gap in _gaps(words) if gap >= PAUSE_S]
    count = sum(syllables(word.text) for word in words)
    end_s = max(word.end_s for word in words)
    spoken_s = max(0.1, end_s - words[0].start_s - sum(pauses))
    rate = {
        "words_per_minute": 60 * len(words) / duration_s,
        "syllables_per_minute": 60 * count / duration_s,
        "articulation_rate": count / spoken_s,
        "pauses": float(len(pauses)),
    }
    if pauses:
        rate |= {"mean_pause_s": sum(pauses) / len(pauses), "longest_pause_s": max(pauses)}
    return {name: round(value, 4) for name, value in rate.items()}


def _gaps(words: Sequence[Word]) -> list[float]:
    """Silences between words, also of several channels."""
    in_order = sorted(words, key=lambda word: word.start_s)
    gaps, end_s = [], in_order[0].end_s
    for _, word in pairwise(in_order):
        gaps.append(word.start_s - end_s)
        end_s = max(end_s, word.end_s)
    return gaps


_VOWELS: Final = re.compile(r"[aeiouyäöüàâáãåæéèêëîïíìôóòõøœûúùýÿаеёиоуыэюяіїєαεηιουωάέήίόύώ]+")
_UNSPACED: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]")


def syllables(word: str) -> int:
    """Estimated syllables of a word: its groups of vowels, less a silent “e” at the end; at least one."""
    plain = word.lower()
    signs = len(_UNSPACED.findall(plain))
    if signs:
        return signs
    count = len(_VOWELS.findall(plain))
    silent = plain.isascii() and re.search(r"[^aeiouy\W]e$", plain) and not plain.endswith("le")
    return max(1, count - bool(silent))

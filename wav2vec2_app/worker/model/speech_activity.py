"""Speech activity detection: where an emission contains speech, so that silence, noise and music give no
words.

Two kinds of evidence are used, both on the emission's frames. *Letters*: in speech the greedy path has
many different letters with high probabilities; noise has none, and the letters of tones or chords are
rare, repeated or improbable. *Level*: speech rises and falls by 15 dB and more within a second, since
syllables come at 3 to 8 Hz (Houtgast & Steeneken 1985, "A review of the MTF concept"), while the level of
noise, tones and decaying chords hardly changes; where it is flat, three times as much evidence is
required of the letters.

All thresholds are probabilities, seconds or decibels and do not depend on the model. They were chosen on the
training recipe's held-out speakers and on generated sounds by ``benchmarks/silence.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float16, Float32
from wav2vec2_app.speech.emission import Emission

SILENT_AUDIO_DBFS = -75.0
"""Audio whose loudest :data:`LOUDEST_S` stay below this level is silence, dB relative to full scale."""
LOUDEST_S = 0.5
"""Length of the window whose level decides whether audio is silent, seconds."""

GUESS_PROBABILITY = 0.4
"""A letter's evidence is its probability minus this: models guess letters with about so much."""
REQUIRED_EVIDENCE = 0.9
"""Evidence (see :class:`Stretch`) required in audio of :data:`ORDINARY_S`: two very probable letters."""
SHORT_REQUIRED_EVIDENCE, SHORT_S, ORDINARY_S = 0.45, 2.0, 10.0
"""Evidence required in audio of :data:`SHORT_S`: one letter; in between it is interpolated."""
MIN_EVIDENCE_RATE = 0.3
"""Least evidence of all letters for each second of speech."""
FREE_LETTERS, LETTERS_PER_UNIT, MAX_REPETITION_FACTOR = 20, 40, 4.0
"""Each 40 letters beyond 20 raise the required evidence by its single amount, up to four times: a rhythm
repeats few letters many times."""
FLAT_FACTOR = 3.0
"""Factor of the required evidence where the level is flat."""

FLAT_SWING_DB = 12.0
"""A level that swings less than this within :data:`SWING_S` is flat."""
SWING_S = 1.0
"""Length of the window in which the swing of the level is measured, seconds."""
BACKGROUND_DB = 25.0
"""Audio this far below the loudest speech of a clip is background."""
GAP_S = 1.0
"""Letters further apart than this belong to different stretches; shorter gaps are part of the speech."""
PAD_S = 0.5
"""Audio before the first and after the last letter of a stretch that counts as speech, seconds."""

FLOOR_DB = -120.0
"""Level of digital silence, dB."""
MASKED_LOG_PROB = -20.0
"""Log-probability of the other tokens in masked frames; float16 can represent it."""


@dataclass(frozen=True)
class SpeechActivity:
    """Where there is speech.

    Attributes:
        segments: ``(start, end)`` in seconds, ascending, apart by more than :data:`GAP_S`.
        reason: empty where there is speech, else ``silence`` or ``no_speech``.
    """

    segments: tuple[tuple[float, float], ...]
    reason: str = ""


@dataclass(frozen=True)
class Stretch:
    """Letters without a long gap between them, over frames ``[start, stop)``.

    ``evidence`` sums, over the different letters, the evidence of the most probable instance of each;
    ``evidence_rate`` is the evidence of all letters per second.
    """

    start: int
    stop: int
    letters: int
    evidence: float
    evidence_rate: float


@dataclass(frozen=True)
class LevelContour:
    """The level around each frame and how it moves: ``loud_db`` and ``swing_db``, each ``(frames,)``.

    Loud is the 95th percentile of the levels within :data:`SWING_S`, swing the difference to the 10th.
    """

    loud_db: Float32
    swing_db: Float32


def frame_energy(samples: Float32, hop: int, frames: int) -> Float32:
    """Level of each frame: ``samples`` ``(n,)`` to ``(frames,)``, dB relative to full scale.

    Frame ``j`` is measured over the ``hop`` samples from ``j * hop`` on, without their mean (a DC offset is
    inaudible); missing samples are silent. Silence is -120 dB.
    """
    padded = np.zeros(frames * hop, dtype=np.float32)
    count = min(len(padded), len(samples))
    padded[:count] = samples[:count]
    power = padded.reshape(frames, hop).var(axis=1)
    level: Float32 = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return level


def is_silent(energy_db: Float32 | Float16, frame_s: float) -> bool:
    """Whether the loudest half second of levels ``(frames,)`` stays below :data:`SILENT_AUDIO_DBFS`."""
    if not len(energy_db):
        return True
    width = min(len(energy_db), max(1, round(LOUDEST_S / frame_s)))
    summed = np.cumsum(np.r_[0.0, 10 ** (energy_db.astype(np.float64) / 10)])
    loudest = (summed[width:] - summed[:-width]).max() / width
    return bool(loudest < 10 ** (SILENT_AUDIO_DBFS / 10))


def find_speech(emission: Emission, energy_db: Float32 | Float16) -> SpeechActivity:
    """The speech in ``emission``; ``energy_db`` as of :func:`frame_energy`.

    Linear in time; about a millisecond for 10 s of audio.
    """
    energy_db = energy_db.astype(np.float32)
    if is_silent(energy_db, emission.frame_s):
        return SpeechActivity((), "silence")
    stretches = list(_stretches(emission))
    contour = _level_contour(energy_db, round(SWING_S / emission.frame_s))
    required = _required_evidence(emission.duration_s)
    speech = [stretch for stretch in stretches if _is_speech(stretch, contour, required)]
    if not speech:
        return SpeechActivity((), "no_speech")
    return SpeechActivity(_segments(speech, stretches, contour, emission.frame_s))


def mask_non_speech(emission: Emission, activity: SpeechActivity) -> Emission:
    """``emission`` with only blanks outside the segments.

    The first frame of each masked part is a word delimiter, so that no word extends across it.
    """
    frames, _ = emission.log_probs.shape
    masked = np.ones(frames, dtype=bool)
    for start_s, end_s in activity.segments:
        masked[round(start_s / emission.frame_s) : round(end_s / emission.frame_s)] = False
    if not masked.any():
        return emission
    log_probs = emission.log_probs.copy()
    log_probs[masked] = MASKED_LOG_PROB
    log_probs[masked, emission.blank_id] = 0.0
    if emission.word_delimiter and emission.word_delimiter in emission.vocabulary:
        delimiter = emission.vocabulary.index(emission.word_delimiter)
        firsts = np.flatnonzero(masked & ~np.r_[False, masked[:-1]])
        log_probs[firsts, emission.blank_id] = MASKED_LOG_PROB
        log_probs[firsts, delimiter] = 0.0
    return replace(emission, log_probs=log_probs)


def _stretches(emission: Emission) -> Iterator[Stretch]:
    """The letters of the greedy path in stretches; a letter's probability is that of its best frame."""
    log_probs = emission.log_probs.astype(np.float32)
    ids = log_probs.argmax(axis=1)
    probabilities = np.exp(np.take_along_axis(log_probs, ids[:, None], axis=1)[:, 0])
    changes = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    are_letters = emission.letter_columns[ids[changes]]
    if not are_letters.any():
        return
    starts, stops = changes[are_letters], np.r_[changes[1:], len(ids)][are_letters]
    letters = ids[starts]
    evidence = np.maximum.reduceat(probabilities, changes)[are_letters] - GUESS_PROBABILITY
    cuts = np.flatnonzero(starts[1:] - stops[:-1] > GAP_S / emission.frame_s) + 1
    for first, last in zip(np.r_[0, cuts], np.r_[cuts, len(starts)], strict=True):
        start, stop = int(starts[first]), int(stops[last - 1])
        duration_s = (stop - start) * emission.frame_s + 2 * PAD_S
        yield Stretch(
            start=start,
            stop=stop,
            letters=int(last - first),
            evidence=_distinct_evidence(letters[first:last], evidence[first:last]),
            evidence_rate=float(evidence[first:last].sum()) / duration_s,
        )


def _distinct_evidence(letters: NDArray[np.int64], evidence: Float32) -> float:
    """Sum of the best evidence of each different letter: TNTNTN is no more evidence than TN."""
    order = np.argsort(letters, kind="stable")
    ordered = letters[order]
    firsts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    best = np.maximum.reduceat(evidence[order], firsts)
    return float(np.maximum(best, 0).sum())


def _level_contour(energy_db: Float32, width: int) -> LevelContour:
    """Measured in windows of ``width`` frames, each overlapping the next by half."""
    step = max(1, width // 2)
    frames = len(energy_db)
    padded = np.pad(energy_db, (step, width + step), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[::step]
    low, loud = np.percentile(windows, (10, 95), axis=1)
    of_frame = np.arange(frames) // step  # the windows around a frame: this one and the next
    swing = np.maximum(*((loud - low)[of_frame + shift] for shift in (0, 1)))
    loudest = np.maximum(*(loud[of_frame + shift] for shift in (0, 1)))
    return LevelContour(loudest.astype(np.float32), swing.astype(np.float32))


def _required_evidence(duration_s: float) -> float:
    """The required evidence: longer audio has more chances of letters that are not speech."""
    required = (SHORT_REQUIRED_EVIDENCE, REQUIRED_EVIDENCE)
    return float(np.interp(duration_s, (SHORT_S, ORDINARY_S), required))


def _is_speech(stretch: Stretch, contour: LevelContour, required: float) -> bool:
    excess = max(0, stretch.letters - FREE_LETTERS)
    required *= min(MAX_REPETITION_FACTOR, 1 + excess / LETTERS_PER_UNIT)
    if np.median(contour.swing_db[stretch.start : stretch.stop]) < FLAT_SWING_DB:
        required *= FLAT_FACTOR
    return stretch.evidence >= required and stretch.evidence_rate >= MIN_EVIDENCE_RATE


def _segments(
    speech: list[Stretch], stretches: list[Stretch], contour: LevelContour, frame_s: float
) -> tuple[tuple[float, float], ...]:
    """The stretches of speech, and around them what swings like speech and is as loud, seconds.

    Segments without any letter are left out, and gaps up to :data:`GAP_S` are closed.
    """
    pad, gap = round(PAD_S / frame_s), round(GAP_S / frame_s)
    loudest = max(contour.loud_db[one.start : one.stop].max() for one in speech)
    active = (contour.swing_db >= FLAT_SWING_DB) & (contour.loud_db > loudest - BACKGROUND_DB)
    for stretch in speech:
        active[max(0, stretch.start - pad) : stretch.stop + pad] = True
    return tuple(
        (round(begin * frame_s, 6), round(end * frame_s, 6))
        for begin, end in _closed_runs(active, gap)
        if any(one.start < end and begin < one.stop for one in stretches)
    )


def _closed_runs(active: NDArray[np.bool_], gap: int) -> list[list[int]]:
    """Runs ``[begin, end]`` of active frames; gaps up to ``gap`` are closed, also at either end."""
    begins = np.flatnonzero(active & ~np.r_[False, active[:-1]])
    ends = np.flatnonzero(active & ~np.r_[active[1:], False]) + 1
    frames = len(active)
    runs: list[list[int]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if begin - (runs[-1][1] if runs else 0) <= gap:
            begin = runs.pop()[0] if runs else 0
        runs.append([begin, end if frames - end > gap else frames])
    return runs

"""Where in an emission somebody speaks, so that nothing is read from silence, noise or music.

Two witnesses are heard, both on the emission's own frames. *Letters*: where there is speech the best
path holds many different letters and is sure of them; noise yields none, and what tones or chords yield
is rare, repeated or guessed. *Level*: speech rises and falls by 15 dB and more within a second, since
syllables come at 3 to 8 Hz (Houtgast & Steeneken 1985, "A review of the MTF concept"), while noises, tones
and dying chords hardly do; where it is flat, the letters have to prove three times as much.

All thresholds are probabilities, seconds or decibels: none belongs to a model. They were chosen on the
training recipe's held-out speakers and on generated sounds by ``benchmarks/silence.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float16, Float32
from wav2vec2_app.speech.emission import Emission

SILENCE_DBFS = -75.0
"""Audio whose loudest half second stays below this level is silence, dB relative to full scale."""
LOUDEST_S = 0.5

GUESS = 0.4
"""A letter proves as much as its probability exceeds this: what models give letters they guess."""
PROOF = 0.9
"""Proof (see :class:`Stretch`) that makes a stretch speech: two letters that a model is sure of."""
SHORT_PROOF, SHORT_S, LONG_S = 0.45, 2.0, 10.0
"""One sure letter is enough in a clip of 2 s; up to 10 s the demand grows to :data:`PROOF`."""
DENSITY = 0.3
"""Proof by all letters, each counted, that a second of speech has at least."""
FEW, MORE, AT_MOST = 20, 40, 4.0
"""From 20 letters on, 40 more of them ask for as much proof again, up to four times: a rhythm repeats few
letters over and over."""
FLAT_FACTOR = 3.0
"""Where the level is flat, letters have to prove this much more."""

FLAT_DB = 12.0
"""A level that swings less than this within :data:`SWING_S` is flat."""
SWING_S = 1.0
FAINT_DB = 25.0
"""What is this much quieter than the loudest speech of a clip is background."""
GAP_S = 1.0
"""Letters further apart than this belong to different stretches; shorter pauses belong to speech."""
PAD_S = 0.5
"""CachedResult before the first and after the last letter of a stretch."""

FLOOR_DB = -120.0
IMPOSSIBLE = -20.0
"""Log-probability of what is ruled out, within float16."""


@dataclass(frozen=True)
class SpeechActivity:
    """Where somebody speaks.

    Attributes:
        segments: ``(start, end)`` in seconds, ascending, apart by more than :data:`GAP_S`.
        reason: empty where there is speech, else ``silence`` or ``no_speech``.
    """

    segments: tuple[tuple[float, float], ...]
    reason: str = ""


@dataclass(frozen=True)
class Stretch:
    """Letters without a long gap between them, over frames ``[start, stop)``.

    ``proof`` sums, over the different letters, what the best instance of each proves; ``density`` is the
    proof of all letters by the second.
    """

    start: int
    stop: int
    letters: int
    proof: float
    density: float


@dataclass(frozen=True)
class Level:
    """The level of each frame and how it moves: ``loud_db`` and ``swing_db``, each ``(frames,)``.

    Loud is the 95th percentile of the levels within :data:`SWING_S` around, and swing how far the
    10th lies below.
    """

    loud_db: Float32
    swing_db: Float32


def frame_energy(samples: Float32, hop: int, frames: int) -> Float32:
    """Level of each frame: ``samples`` ``(n,)`` to ``(frames,)``, dB relative to full scale.

    Frame ``j`` is measured over the ``hop`` samples from ``j * hop`` on, without their mean (an offset is
    no sound); what the samples do not reach is silent. Silence is -120 dB.
    """
    whole = np.zeros(frames * hop, dtype=np.float32)
    count = min(len(whole), len(samples))
    whole[:count] = samples[:count]
    power = whole.reshape(frames, hop).var(axis=1)
    level: Float32 = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return level


def is_silent(energy_db: Float32 | Float16, frame_s: float) -> bool:
    """Whether the loudest half second of levels ``(frames,)`` stays below :data:`SILENCE_DBFS`."""
    if not len(energy_db):
        return True
    width = min(len(energy_db), max(1, round(LOUDEST_S / frame_s)))
    summed = np.cumsum(np.r_[0.0, 10 ** (energy_db.astype(np.float64) / 10)])
    loudest = (summed[width:] - summed[:-width]).max() / width
    return bool(loudest < 10 ** (SILENCE_DBFS / 10))


def find_speech(emission: Emission, energy_db: Float32 | Float16) -> SpeechActivity:
    """The parts of ``emission`` in which somebody speaks; ``energy_db`` as of :func:`frame_energy`.

    Linear in time; about a millisecond for 10 s of audio.
    """
    energy_db = energy_db.astype(np.float32)
    if is_silent(energy_db, emission.frame_s):
        return SpeechActivity((), "silence")
    stretches = list(_stretches(emission))
    level = _level(energy_db, round(SWING_S / emission.frame_s))
    demand = _demand(emission.duration_s)
    sure = [stretch for stretch in stretches if _proves_speech(stretch, level, demand)]
    if not sure:
        return SpeechActivity((), "no_speech")
    return SpeechActivity(_segments(sure, stretches, level, emission.frame_s))


def only_speech(emission: Emission, activity: SpeechActivity) -> Emission:
    """``emission`` with nothing but blanks outside the segments, for a decoder to read.

    A word delimiter stands in each part that is taken out, so that no word reaches across.
    """
    frames, _ = emission.log_probs.shape
    silent = np.ones(frames, dtype=bool)
    for start_s, end_s in activity.segments:
        silent[round(start_s / emission.frame_s) : round(end_s / emission.frame_s)] = False
    if not silent.any():
        return emission
    log_probs = emission.log_probs.copy()
    log_probs[silent] = IMPOSSIBLE
    log_probs[silent, emission.blank_id] = 0.0
    if emission.word_delimiter and emission.word_delimiter in emission.vocabulary:
        delimiter = emission.vocabulary.index(emission.word_delimiter)
        firsts = np.flatnonzero(silent & ~np.r_[False, silent[:-1]])
        log_probs[firsts, emission.blank_id] = IMPOSSIBLE
        log_probs[firsts, delimiter] = 0.0
    return replace(emission, log_probs=log_probs)


def _stretches(emission: Emission) -> Iterator[Stretch]:
    """The letters of the best path, gathered; a letter is as sure as in the best frame of its run."""
    log_probs = emission.log_probs.astype(np.float32)
    ids = log_probs.argmax(axis=1)
    chance = np.exp(np.take_along_axis(log_probs, ids[:, None], axis=1)[:, 0])
    changes = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    spelled = _letters(emission)[ids[changes]]
    if not spelled.any():
        return
    starts, stops = changes[spelled], np.r_[changes[1:], len(ids)][spelled]
    letters, proofs = ids[starts], np.maximum.reduceat(chance, changes)[spelled] - GUESS
    cuts = np.flatnonzero(starts[1:] - stops[:-1] > GAP_S / emission.frame_s) + 1
    for first, last in zip(np.r_[0, cuts], np.r_[cuts, len(starts)], strict=True):
        start, stop = int(starts[first]), int(stops[last - 1])
        lasting_s = (stop - start) * emission.frame_s + 2 * PAD_S
        yield Stretch(
            start=start,
            stop=stop,
            letters=int(last - first),
            proof=_distinct_proof(letters[first:last], proofs[first:last]),
            density=float(proofs[first:last].sum()) / lasting_s,
        )


def _letters(emission: Emission) -> NDArray[np.bool_]:
    """Which tokens ``(tokens,)`` spell something: neither blank nor delimiter nor special ones."""
    silent = {"", emission.word_delimiter, *emission.special}
    spells = np.array([token not in silent for token in emission.vocabulary])
    spells[emission.blank_id] = False
    return spells


def _distinct_proof(letters: NDArray[np.int64], proofs: Float32) -> float:
    """Sum of the best proof of each different letter; a beat that reads TNTNTN proves no more than TN."""
    order = np.argsort(letters, kind="stable")
    ordered = letters[order]
    firsts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    best = np.maximum.reduceat(proofs[order], firsts)
    return float(np.maximum(best, 0).sum())


def _level(energy_db: Float32, width: int) -> Level:
    """Measured in windows of ``width`` frames, each overlapping the next by half."""
    step = max(1, width // 2)
    frames = len(energy_db)
    padded = np.pad(energy_db, (step, width + step), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[::step]
    low, loud = np.percentile(windows, (10, 95), axis=1)
    of_frame = np.arange(frames) // step  # the windows around a frame: this one and the next
    swing = np.maximum(*((loud - low)[of_frame + shift] for shift in (0, 1)))
    loudest = np.maximum(*(loud[of_frame + shift] for shift in (0, 1)))
    return Level(loudest.astype(np.float32), swing.astype(np.float32))


def _demand(duration_s: float) -> float:
    """The proof to ask for: where there is more to hear, more is misheard."""
    return float(np.interp(duration_s, (SHORT_S, LONG_S), (SHORT_PROOF, PROOF)))


def _proves_speech(stretch: Stretch, level: Level, demand: float) -> bool:
    demand *= min(AT_MOST, 1 + max(0, stretch.letters - FEW) / MORE)
    if np.median(level.swing_db[stretch.start : stretch.stop]) < FLAT_DB:
        demand *= FLAT_FACTOR
    return stretch.proof >= demand and stretch.density >= DENSITY


def _segments(
    sure: list[Stretch], stretches: list[Stretch], level: Level, frame_s: float
) -> tuple[tuple[float, float], ...]:
    """What is kept, in seconds: sure stretches, and around them what moves like speech and is as loud.

    Of what only moves, parts without any letter are left out, and pauses up to :data:`GAP_S` are kept.
    """
    frames, pad, gap = len(level.swing_db), round(PAD_S / frame_s), round(GAP_S / frame_s)
    loudest = max(level.loud_db[one.start : one.stop].max() for one in sure)
    kept = (level.swing_db >= FLAT_DB) & (level.loud_db > loudest - FAINT_DB)
    for stretch in sure:
        kept[max(0, stretch.start - pad) : stretch.stop + pad] = True
    begins = np.flatnonzero(kept & ~np.r_[False, kept[:-1]])
    ends = np.flatnonzero(kept & ~np.r_[kept[1:], False]) + 1
    parts: list[list[int]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if begin - (parts[-1][1] if parts else 0) <= gap:
            begin = parts.pop()[0] if parts else 0
        parts.append([begin, end if frames - end > gap else frames])
    return tuple(
        (round(begin * frame_s, 6), round(end * frame_s, 6))
        for begin, end in parts
        if any(one.start < end and begin < one.stop for one in stretches)
    )

"""Aligns several transcripts of one recording, word by word: a confusion network.

After J. G. Fiscus, "A post-processing system to yield reduced word error rates: Recognizer Output Voting
Error Reduction (ROVER)", ASRU 1997: the transcripts are aligned one after another with the network so far,
at the smallest edit distance. Here times help: words that are spoken more than :data:`PAIRED_WITHIN_S` apart
are never in one slot, and of several places the nearest is preferred, then the one that is spelled alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from rapidfuzz.distance import Levenshtein

from wav2vec2_app.speech.word_pieces import Piece

GAP_COST: Final = 0.75
"""Cost of a word that the others do not have."""
DIFFERENT_COST: Final = 0.5
"""Cost of two words that differ; as much again times the share of their letters that differ."""
PAIRED_WITHIN_S: Final = 2.0
"""Words whose centres are further apart are never in one slot; at this distance it costs two gaps."""
REACH_S: Final = 3.0
"""Alignments with larger shifts are not considered, seconds."""
MAX_ALIGNED_CELLS: Final = 1_000_000
"""Bounds the time of one alignment; above it, only cells near the diagonal are considered."""

_PAIR, _ONLY_SLOT, _ONLY_PIECE = 0, 1, 2

Slot = tuple[Piece | None, ...]
"""What each transcript has at one place; ``None`` where it has no word."""
Band = Sequence[tuple[int, int]]
"""For each number of slots before, the least and the largest number of pieces before."""


def confusion_network(transcripts: Sequence[tuple[Sequence[Piece], bool]]) -> list[Slot]:
    """The slots of several transcripts, in order; each slot has an entry for each transcript.

    Args:
        transcripts: the pieces of each, and whether their times were measured. The first ones decide where
            the alignment is ambiguous.
    """
    network: list[Slot] = []
    timed = True
    for count, (pieces, measured) in enumerate(transcripts):
        timed = timed and measured
        network = _with_transcript(network, pieces, count, timed=timed)
    return network


def _with_transcript(
    network: Sequence[Slot], pieces: Sequence[Piece], count: int, *, timed: bool
) -> list[Slot]:
    empty: Slot = (None,) * count
    return [
        (empty if slot is None else network[slot]) + ((None if piece is None else pieces[piece]),)
        for slot, piece in align(network, pieces, timed=timed)
    ]


def align(
    network: Sequence[Slot], pieces: Sequence[Piece], *, timed: bool
) -> list[tuple[int | None, int | None]]:
    """Pairs of a slot and a piece, in order; ``None`` where one of them has no partner."""
    centres = list(accumulate(map(_centre_s, network), max))
    band = _time_band(centres, [piece.centre_s for piece in pieces]) if timed else None
    if band is None or sum(high - low + 1 for low, high in band) > MAX_ALIGNED_CELLS:
        band = _diagonal_band(len(network), len(pieces))
    moves = _moves(network, pieces, band, centres if timed else None)
    return _trace(moves, band, len(pieces))


def _centre_s(slot: Slot) -> float:
    centres = [piece.centre_s for piece in slot if piece is not None]
    return sum(centres) / len(centres)


def _time_band(slots_s: Sequence[float], pieces_s: Sequence[float]) -> Band:
    """The cells at which a slot and a piece are at most :data:`REACH_S` apart; times do not decrease."""
    pieces_s = list(accumulate(pieces_s, max))
    lows = [0, *(bisect_left(pieces_s, at_s - REACH_S) for at_s in slots_s)]
    highs = [*(bisect_right(pieces_s, at_s + REACH_S) for at_s in slots_s), len(pieces_s)]
    return list(zip(lows, highs, strict=True))


def _diagonal_band(slots: int, pieces: int) -> Band:
    slope = pieces / max(slots, 1)
    width = max(MAX_ALIGNED_CELLS // (2 * (slots + 1)), int(slope) + 2)
    return [
        (
            max(0, int(slope * slot) - width),
            pieces if slot == slots else min(pieces, int(slope * slot) + width),
        )
        for slot in range(slots + 1)
    ]


# --- dynamic programming ------------------------------------------------------------------------


def _moves(
    network: Sequence[Slot], pieces: Sequence[Piece], band: Band, centres: Sequence[float] | None
) -> list[bytearray]:
    """The cheapest last move to each cell of the band, one row for each number of slots before."""
    low, high = band[0]
    costs = [GAP_COST * number for number in range(high - low + 1)]
    rows = [bytearray([_ONLY_PIECE]) * len(costs)]
    for index, slot in enumerate(network):
        at_s = None if centres is None else centres[index]
        costs, row = _next_row(slot, at_s, pieces, costs, band[index], band[index + 1])
        rows.append(row)
    return rows


def _next_row(
    slot: Slot,
    at_s: float | None,
    pieces: Sequence[Piece],
    above: Sequence[float],
    above_band: tuple[int, int],
    band: tuple[int, int],
) -> tuple[list[float], bytearray]:
    keys = {piece.key for piece in slot if piece is not None}
    skip = GAP_COST * sum(piece is not None for piece in slot) / len(slot)
    (first, last), (low, high) = above_band, band
    costs: list[float] = []
    row = bytearray()
    for before in range(low, high + 1):
        best, move = math.inf, _PAIR
        if first <= before - 1 <= last and before > 0:
            best = above[before - 1 - first] + _pair_cost(keys, at_s, pieces[before - 1])
        if first <= before <= last and above[before - first] + skip < best:
            best, move = above[before - first] + skip, _ONLY_SLOT
        if costs and costs[-1] + GAP_COST < best:
            best, move = costs[-1] + GAP_COST, _ONLY_PIECE
        costs.append(best)
        row.append(move)
    return costs, row


def _pair_cost(keys: set[str], at_s: float | None, piece: Piece) -> float:
    """Cost of a piece in a slot with ``keys``, by spelling and by distance in time."""
    apart = 0.0 if at_s is None else abs(at_s - piece.centre_s) / PAIRED_WITHIN_S
    if apart > 1:
        return math.inf
    spelling = 0.0
    if piece.key not in keys:
        distance = min(_distance(key, piece.key) for key in keys)
        spelling = DIFFERENT_COST * (1 + distance)
    return spelling + 2 * GAP_COST * apart


@lru_cache(maxsize=100_000)
def _distance(one: str, other: str) -> float:
    """Share of the letters that differ."""
    return Levenshtein.normalized_distance(one, other)


def _trace(
    moves: Sequence[bytearray], band: Band, pieces: int
) -> list[tuple[int | None, int | None]]:
    """The path to the last cell."""
    pairs: list[tuple[int | None, int | None]] = []
    slot, piece = len(moves) - 1, pieces
    while slot or piece:
        move = moves[slot][piece - band[slot][0]]
        slot -= move != _ONLY_PIECE
        piece -= move != _ONLY_SLOT
        pairs.append((None if move == _ONLY_PIECE else slot, None if move == _ONLY_SLOT else piece))
    return pairs[::-1]

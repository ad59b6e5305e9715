"""The vote over a confusion network: the words that the transcripts have in each slot, the best first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wav2vec2_app.speech import synthesis
from wav2vec2_app.speech.confusion_network import Slot
from wav2vec2_app.speech.synthesis import SynthesisOptions
from wav2vec2_app.speech.word_pieces import Piece


@dataclass(frozen=True)
class Voter:
    """One of the transcripts; ``written`` says whether it has punctuation and capitals."""

    name: str
    weight: float
    pieces: tuple[Piece, ...]
    timed: bool
    written: bool
    latest: bool


@dataclass(frozen=True)
class Candidate:
    """A key in a slot, empty for no word, with the numbers of the voters that have it, best first."""

    key: str
    voters: tuple[int, ...]
    score: float
    confidence: float


@dataclass(frozen=True)
class Place:
    """A slot with its candidates, the chosen one first."""

    slot: Slot
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate:
        return self.candidates[0]


class Vote:
    """One vote over all slots."""

    def __init__(
        self, voters: Sequence[Voter], network: Sequence[Slot], options: SynthesisOptions
    ) -> None:
        self._voters = voters
        self._network = network
        self._options = options
        resolutions: Mapping[str, Callable[[Sequence[int], Sequence[float]], float]] = {
            synthesis.WEIGHTED: self._votes,
            synthesis.HIGHEST_CONFIDENCE: self._highest,
            synthesis.LATEST: self._latest,
        }
        self._score = resolutions[options.conflict_resolution]

    def places(self) -> list[Place]:
        """Every slot with its candidates."""
        confidences = [self._confidences(number) for number in range(len(self._voters))]
        return [
            Place(slot, self._candidates(slot, [one[index] for one in confidences]))
            for index, slot in enumerate(self._network)
        ]

    def _candidates(self, slot: Slot, confidences: Sequence[float]) -> tuple[Candidate, ...]:
        voters: dict[str, list[int]] = {}
        for number, piece in enumerate(slot):
            voters.setdefault(piece.key if piece else "", []).append(number)
        scores = {key: self._score(numbers, confidences) for key, numbers in voters.items()}
        total = sum(scores.values()) or 1.0
        found = [
            Candidate(key, tuple(numbers), scores[key] / total, self._agreed(numbers, confidences))
            for key, numbers in voters.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.score, one.voters[0])))

    def _votes(self, numbers: Sequence[int], confidences: Sequence[float]) -> float:
        share = self._options.confidence_share
        return sum(
            self._voters[number].weight * (1 - share + share * confidences[number])
            for number in numbers
        )

    def _highest(self, numbers: Sequence[int], confidences: Sequence[float]) -> float:
        return max(confidences[number] for number in numbers)

    def _latest(self, numbers: Sequence[int], _: Sequence[float]) -> float:
        return float(any(self._voters[number].latest for number in numbers))

    def _agreed(self, numbers: Sequence[int], confidences: Sequence[float]) -> float:
        """The confidence in a word: the weighted one of those that have it; the others count 0."""
        if self._options.conflict_resolution == synthesis.WEIGHTED:
            return sum(self._voters[number].weight * confidences[number] for number in numbers)
        return max(confidences[number] for number in numbers)

    def _confidences(self, number: int) -> list[float]:
        """A voter's confidence in each slot: of its word, or that there is none."""
        own = [slot[number] for slot in self._network]
        before = _carried(own)
        after = _carried(own[::-1])[::-1]
        return [
            piece.confidence
            if piece is not None
            else self._options.absence_share * (left + right) / 2
            for piece, left, right in zip(own, before, after, strict=True)
        ]


def _carried(pieces: Sequence[Piece | None]) -> list[float]:
    """The confidence of each piece, and where there is none, of the one before; 1 at the edge."""
    found: list[float] = []
    last = 1.0
    for piece in pieces:
        last = piece.confidence if piece is not None else last
        found.append(last)
    return found

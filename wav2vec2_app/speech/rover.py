"""Makes one transcript of several by voting, word by word (ROVER), and writes its words down."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from wav2vec2_app.speech import synthesis
from wav2vec2_app.speech.confusion_network import confusion_network
from wav2vec2_app.speech.synthesis import (
    Alternative,
    Synthesis,
    SynthesisOptions,
    SynthesizedWord,
)
from wav2vec2_app.speech.transcript import Transcript
from wav2vec2_app.speech.vote import Candidate, Place, Vote, Voter
from wav2vec2_app.speech.word_pieces import Piece, has_times, is_written, pieces_of, unit

_SENTENCE_ENDS: Final = (".", "!", "?", "…")


def synthesize(transcripts: Mapping[str, Transcript], options: SynthesisOptions) -> Synthesis:
    """One transcript of several.

    The order of ``transcripts`` matters to ``latest`` only. Ties go to the transcripts with word times, then
    to the larger weight, then to the first name in the alphabet.

    Args:
        transcripts: by their names, in the order in which they were finished.
        options: how.

    Raises:
        InputError: ``synthesis.no_transcripts``, ``synthesis.below_threshold``,
            ``synthesis.unknown_model``, ``synthesis.zero_weights``.
    """
    if not transcripts:
        raise synthesis.no_transcripts()
    every = options.weights_of(transcripts)
    used = _good_enough(transcripts, options.quality_threshold)
    weights = _shares({name: every[name] for name in used})
    voters = _voters(used, weights)
    network = confusion_network([(voter.pieces, voter.timed) for voter in voters])
    places = Vote(voters, network, options).places()
    words = tuple(_Writer(voters, places).words())
    return Synthesis(
        text=" ".join(word.text for word in words),
        words=words,
        confidence=sum(word.confidence for word in words) / len(words) if words else 0.0,
        omitted=tuple(_omitted(places, voters)),
        weights=weights,
        rejected=tuple(name for name in transcripts if name not in used),
        conflict_resolution=options.conflict_resolution,
    )


def _good_enough(transcripts: Mapping[str, Transcript], threshold: float) -> dict[str, Transcript]:
    confidences = {name: unit(one.confidence) for name, one in transcripts.items()}
    used = {name: one for name, one in transcripts.items() if confidences[name] >= threshold}
    if not used:
        raise synthesis.below_threshold(confidences, threshold)
    return used


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights, so that they are 1 together."""
    total = math.fsum(weights.values())  # the same in every order
    if not total:
        raise synthesis.zero_weights()
    return {name: weight / total for name, weight in weights.items()}


def _voters(transcripts: Mapping[str, Transcript], weights: Mapping[str, float]) -> list[Voter]:
    """The transcripts with times before those without, then by weight, then by name.

    So the order is always the same, and the alignment begins with what is known best.
    """
    latest = list(transcripts)[-1]
    voters = (
        Voter(name, weights[name], pieces_of(one), has_times(one), is_written(one), name == latest)
        for name, one in transcripts.items()
    )
    return sorted(voters, key=lambda one: (not one.timed, -one.weight, one.name))


# --- writing it down ----------------------------------------------------------------------------


class _Writer:
    """Writes the chosen pieces as words, the way the best transcript among their voters writes them."""

    def __init__(self, voters: Sequence[Voter], places: Sequence[Place]) -> None:
        self._voters = voters
        self._places = [place for place in places if place.chosen.key]
        self._lower = any(voter.written for voter in voters)
        self._end_s = 0.0

    def words(self) -> Iterator[SynthesizedWord]:
        """The words; each begins where the one before ends, or later."""
        at, text = 0, "."
        while at < len(self._places):
            places, text = self._next_word(at, capital=text.endswith(_SENTENCE_ENDS))
            yield self._word(places, text)
            at += len(places)

    def _next_word(self, at: int, *, capital: bool) -> tuple[Sequence[Place], str]:
        """The places of the next word, and how it is written."""
        best = self._best_voter(self._places[at].chosen)
        piece = _piece(self._places[at], best)
        places = self._places[at : at + piece.parts]
        if piece.parts == 1 or _is_whole(places, best, piece):
            return places, self._written(places, best, piece.word, capital=capital)
        return places[:1], piece.key

    def _best_voter(self, candidate: Candidate) -> int:
        """The first voter that writes with punctuation and capitals, else the first of all."""
        written = (number for number in candidate.voters if self._voters[number].written)
        return next(written, candidate.voters[0])

    def _written(self, places: Sequence[Place], voter: int, word: str, *, capital: bool) -> str:
        """A word as it is written; one of a voter without punctuation gets that of the rejected word."""
        if not self._lower or self._voters[voter].written:
            return word
        word = word.lower()
        for candidate in places[-1].candidates[1:]:
            for number in candidate.voters:
                rival = places[-1].slot[number]
                if rival is not None and self._voters[number].written and rival.parts == 1:
                    word = _punctuated(word, rival.word)
                    return word[:1].upper() + word[1:] if capital and _is_capital(rival) else word
        return word

    def _word(self, places: Sequence[Place], text: str) -> SynthesizedWord:
        start_s, end_s = _times(places, self._voters)
        start_s = max(start_s, self._end_s)
        self._end_s = end_s = max(end_s, start_s)
        everyone = [set(place.chosen.voters) for place in places]
        origins = set.intersection(*everyone) or everyone[0]
        return SynthesizedWord(
            text=text,
            start_s=start_s,
            end_s=end_s,
            confidence=sum(place.chosen.confidence for place in places) / len(places),
            origins=tuple(self._voters[number].name for number in sorted(origins)),
            alternatives=tuple(
                _alternative(place, candidate, self._voters)
                for place in places
                for candidate in (*_partly(place, origins), *place.candidates[1:])
            ),
        )


def _partly(place: Place, origins: set[int]) -> Iterator[Candidate]:
    """The voters that have this piece of a word, but not all of its pieces."""
    others = tuple(number for number in place.chosen.voters if number not in origins)
    if others:
        yield replace(place.chosen, voters=others)


def _piece(place: Place, number: int) -> Piece:
    piece = place.slot[number]
    assert piece is not None  # noqa: S101 - it is among the voters of its candidate
    return piece


def _is_whole(places: Sequence[Place], voter: int, first: Piece) -> bool:
    """Whether ``places`` are all pieces of one written word of a voter."""
    pieces = [place.slot[voter] for place in places if voter in place.chosen.voters]
    return [(piece.number, piece.part) for piece in pieces if piece is not None] == [
        (first.number, part) for part in range(first.parts)
    ]


def _punctuated(word: str, like: str) -> str:
    """``word`` with the signs that ``like`` ends with."""
    end = len(like.rstrip(".,;:!?…"))
    return word + like[end:]


def _is_capital(piece: Piece) -> bool:
    return piece.word[:1].isupper()


def _times(places: Sequence[Place], voters: Sequence[Voter]) -> tuple[float, float]:
    """Start and end, each the median over the voters, of those with times if there are any."""
    first, last = (_chosen_pieces(place, voters) for place in (places[0], places[-1]))
    return median(piece.start_s for piece in first), median(piece.end_s for piece in last)


def _chosen_pieces(place: Place, voters: Sequence[Voter]) -> list[Piece]:
    numbers = place.chosen.voters
    timed = [number for number in numbers if voters[number].timed]
    return [_piece(place, number) for number in timed or numbers]


def _alternative(place: Place, candidate: Candidate, voters: Sequence[Voter]) -> Alternative:
    """A rejected candidate; an empty one has the time of the chosen one."""
    piece = place.slot[candidate.voters[0]] or _piece(place, place.chosen.voters[0])
    return Alternative(
        text=piece.text if candidate.key else "",
        origins=tuple(voters[number].name for number in candidate.voters),
        score=candidate.score,
        start_s=piece.start_s,
        end_s=piece.end_s,
    )


def _omitted(places: Sequence[Place], voters: Sequence[Voter]) -> Iterator[Alternative]:
    """The words in places where no word was chosen."""
    for place in places:
        if not place.chosen.key:
            for candidate in place.candidates[1:]:
                yield _alternative(place, candidate, voters)

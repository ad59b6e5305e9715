"""The synthesis of several transcripts into one: its options with their checks, and its result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.transcript import Transcript

WEIGHTED: Final = "weighted"
HIGHEST_CONFIDENCE: Final = "highest-confidence"
LATEST: Final = "latest"
CONFLICT_RESOLUTIONS: Final = (WEIGHTED, HIGHEST_CONFIDENCE, LATEST)

_NO_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})
_MAX_NAME: Final = 80


@dataclass(frozen=True)
class SynthesisOptions:
    """How several transcripts become one.

    Attributes:
        weights: of the vote, by the name of a transcript or of its model; those that are not named have 1.
        quality_threshold: least confidence of a transcript that is used, from 0 to 1.
        conflict_resolution: which word is chosen where transcripts differ. ``weighted``: the one with the
            most votes; a vote is a weight, of which a share depends on the confidence in the word.
            ``highest-confidence``: the one with the highest confidence of all. ``latest``: that of the
            transcript that was finished last.
        confidence_share: part of a vote that depends on the confidence of the word; the rest does not.
        absence_share: confidence of a transcript that it is right to have no word in a place, as a part of
            its confidence in the words beside it.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: _NO_WEIGHTS)
    quality_threshold: float = 0.0
    conflict_resolution: str = WEIGHTED
    confidence_share: float = 0.5
    absence_share: float = 0.7

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            _check_weight(name, weight)
        if self.weights and not any(self.weights.values()):
            raise zero_weights()
        for name in ("quality_threshold", "confidence_share", "absence_share"):
            _check_share(name, getattr(self, name))
        if self.conflict_resolution not in CONFLICT_RESOLUTIONS:
            raise InputError(
                f"Unknown conflict resolution “{str(self.conflict_resolution)[:40]}”.",
                code="synthesis.unknown_resolution",
                hint=f"Use one of: {', '.join(CONFLICT_RESOLUTIONS)}.",
                metadata={"allowed": list(CONFLICT_RESOLUTIONS)},
            )

    def weights_of(self, transcripts: Mapping[str, Transcript]) -> dict[str, float]:
        """The weight of each transcript, at most 1.

        Raises:
            InputError: ``synthesis.unknown_model``, ``synthesis.zero_weights``.
        """
        models = {transcript.model.name for transcript in transcripts.values()}
        self.check_names([*transcripts, *models])
        weights = {
            name: self.weights.get(name, self.weights.get(transcript.model.name, 1.0))
            for name, transcript in transcripts.items()
        }
        largest = max(weights.values(), default=0.0)
        if not largest:
            raise zero_weights()
        return {name: weight / largest for name, weight in weights.items()}

    def check_names(self, known: Sequence[str]) -> None:
        """Check that every weight is for one of the transcripts or models ``known``.

        Raises:
            InputError: ``synthesis.unknown_model``.
        """
        unknown = [name for name in self.weights if name not in known]
        if unknown:
            raise InputError(
                f"There is a weight for “{unknown[0][:_MAX_NAME]}”, which is none of the transcripts.",
                code="synthesis.unknown_model",
                hint=f"Name one of: {', '.join(dict.fromkeys(known))}.",
                metadata={"unknown": [name[:_MAX_NAME] for name in unknown]},
            )


@dataclass(frozen=True)
class Alternative:
    """What some of the transcripts have in a place; ``text`` is empty where they have no word.

    ``score`` is its share of the votes, ``origins`` are the names of the transcripts.
    """

    text: str
    origins: tuple[str, ...]
    score: float
    start_s: float
    end_s: float


@dataclass(frozen=True)
class SynthesizedWord:
    """A word of the synthesis: which transcripts have it, and what the others have instead."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    origins: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class Synthesis:
    """Several transcripts as one.

    Attributes:
        confidence: mean of the words' confidences; 0 where there are none.
        omitted: words of some transcripts in places where no word was chosen.
        weights: of the transcripts that were used, together 1.
        rejected: names of the transcripts below the quality threshold.
    """

    text: str
    words: tuple[SynthesizedWord, ...]
    confidence: float
    omitted: tuple[Alternative, ...]
    weights: Mapping[str, float]
    rejected: tuple[str, ...]
    conflict_resolution: str


def no_transcripts() -> InputError:
    """The error that there is nothing to make a synthesis of."""
    return InputError(
        "There is no transcript to make a synthesis of.",
        code="synthesis.no_transcripts",
        hint="Send at least one transcript.",
    )


def below_threshold(confidences: Mapping[str, float], threshold: float) -> InputError:
    """The error that no transcript meets the quality threshold."""
    best = max(confidences, key=lambda name: confidences[name])
    return InputError(
        f"No transcript has a confidence of at least {threshold:g}; the best is {best[:_MAX_NAME]} with "
        f"{confidences[best]:.2f}.",
        code="synthesis.below_threshold",
        hint="Lower the quality threshold, or add a better model.",
        metadata={"threshold": threshold, "best": round(confidences[best], 4)},
    )


def _check_weight(name: object, weight: object) -> None:
    if not isinstance(name, str) or not _is_between(weight, 0, sys.float_info.max):
        raise InputError(
            f"The weight of “{str(name)[:_MAX_NAME]}” is “{str(weight)[:20]}”.",
            code="synthesis.bad_weight",
            hint="Weights are finite numbers of at least 0.",
            metadata={"field": "weights"},
        )


def _check_share(name: str, value: object) -> None:
    if not _is_between(value, 0, 1):
        raise InputError(
            f"{name} is “{str(value)[:20]}”, which is not a number from 0 to 1.",
            code="synthesis.bad_value",
            hint=f"{name} must be a number from 0 to 1.",
            metadata={"field": name, "low": 0, "high": 1},
        )


def _is_between(value: object, low: float, high: float) -> bool:
    """Whether ``value`` is a number from ``low`` to ``high``; NaN is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high


def zero_weights() -> InputError:
    """The error that no transcript that is used has a vote."""
    return InputError(
        "All weights are 0.",
        code="synthesis.zero_weights",
        hint="Give at least one of the transcripts a weight above 0.",
        metadata={"field": "weights"},
    )


DEFAULT_SYNTHESIS: Final = SynthesisOptions()

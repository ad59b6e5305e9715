"""Messages of exploring: a part of a recording (role ``audio``), words in one place (role ``text``)."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.protocol.emission import check_emission
from wav2vec2_app.protocol.message import Empty, Request, Response
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import Explanation, Exploration
from wav2vec2_app.speech.options import DecodingOptions


@dataclass(frozen=True)
class ExploreResponse(Response):
    """The part as data of plots."""

    exploration: Exploration


@dataclass(frozen=True)
class ExploreRequest(Request[ExploreResponse, Empty]):
    """Compute the data of a part.

    Attributes:
        samples: float32 ``(n,)`` of the part, 16 kHz.
        emission: of ``samples``; None if there is none.
        start_s: where the part begins in the recording.
        columns: how many are wanted at most.
    """

    op = "explore"

    samples: Float32
    emission: Emission | None
    start_s: float
    columns: int

    def __post_init__(self) -> None:
        if self.emission is not None:
            check_emission(self.emission)
        if self.columns < 1:
            raise ValueError("a part has at least one column")


@dataclass(frozen=True)
class ExplainResponse(Response):
    """The words compared."""

    explanation: Explanation


@dataclass(frozen=True)
class ExplainRequest(Request[ExplainResponse, Empty]):
    """Compare ``words`` in the place that ``emission`` is, which begins at ``start_s`` of the recording.

    ``before`` are the words before it; ``language``: whether the search used a language model.
    """

    op = "explain"

    emission: Emission
    start_s: float
    words: tuple[str, ...]
    before: tuple[str, ...]
    decoding: DecodingOptions
    language: bool

    def __post_init__(self) -> None:
        check_emission(self.emission)

"""Messages of the ``text`` role: find a keyword or a sound in an emission."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.protocol.emission import check_emission
from wav2vec2_app.protocol.message import Empty, Request, Response
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission


@dataclass(frozen=True)
class FoundResponse(Response):
    """The hits, the best first: float32 ``(hits, 3)``, start and end in seconds, score in [0, 1]."""

    hits: Float32

    def __post_init__(self) -> None:
        if self.hits.ndim != 2 or self.hits.shape[1] != 3:
            raise ValueError("a hit has a start, an end and a score")


@dataclass(frozen=True)
class KeywordSearchRequest(Request[FoundResponse, Empty]):
    """Find ``keyword`` in an emission."""

    op = "search_keyword"

    emission: Emission
    keyword: str
    whole_words: bool = True
    limit: int = 20

    def __post_init__(self) -> None:
        check_emission(self.emission)


@dataclass(frozen=True)
class SoundSearchRequest(Request[FoundResponse, Empty]):
    """Find the sound of log-probabilities ``query`` ``(frames, tokens)`` in an emission."""

    op = "search_sound"

    emission: Emission
    query: Float32
    limit: int = 20

    def __post_init__(self) -> None:
        check_emission(self.emission)
        if self.query.ndim != 2:
            raise ValueError("a query has frames and tokens")

"""Operations of the ``text`` role that find a keyword or a sound in an emission."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from wav2vec2_app.protocol.message import Context, Empty
from wav2vec2_app.protocol.search import (
    FoundResponse,
    KeywordSearchRequest,
    SoundSearchRequest,
)
from wav2vec2_app.speech.search import Hit
from wav2vec2_app.worker.model.decoding import tokenizer_of
from wav2vec2_app.worker.model.search import find_keyword, find_sound
from wav2vec2_app.worker.stages import sequence


def search_keyword(request: KeywordSearchRequest, context: Context[Empty]) -> FoundResponse:
    """Find a keyword."""
    context.check_cancelled()
    begin = time.perf_counter()
    emission = request.emission
    hits = find_keyword(
        emission,
        request.keyword,
        tokenizer_of(emission),
        whole_words=request.whole_words,
        limit=request.limit,
    )
    return _response(hits, begin)


def search_sound(request: SoundSearchRequest, context: Context[Empty]) -> FoundResponse:
    """Find a sound."""
    context.check_cancelled()
    begin = time.perf_counter()
    return _response(find_sound(request.emission, request.query, limit=request.limit), begin)


def _response(hits: Sequence[Hit], begin: float) -> FoundResponse:
    rows = [(hit.start_s, hit.end_s, hit.score) for hit in hits]
    stages = sequence({"search": time.perf_counter() - begin})
    return FoundResponse(np.array(rows, np.float32).reshape(len(rows), 3), stages=stages)

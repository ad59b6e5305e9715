"""What is shown of a model's layers: the characters of each layer, and which moments are alike.

A layer's characters are those of the "logit lens" (nostalgebraist 2020): the model's own last steps, the
final norm and the CTC head, applied to a layer in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.layers import LayerRow, LayerView
from wav2vec2_app.speech.windows import Window
from wav2vec2_app.worker.model.alphabet import Alphabet
from wav2vec2_app.worker.model.engines.layers import Int32, LayerTrace


def join_traces(traces: Sequence[LayerTrace], windows: Sequence[Window]) -> LayerTrace:
    """The kept frames of all windows."""
    kept = [slice(one.keep_from, one.keep_to) for one in windows]

    def joined(values: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
        cut = [one[..., frames] for one, frames in zip(values, kept, strict=True)]
        return np.concatenate(cut, axis=-1)

    hidden = [one.hidden[frames] for one, frames in zip(traces, kept, strict=True)]
    return LayerTrace(
        np.concatenate(hidden),
        joined([one.tokens for one in traces]).astype(np.int32),
        joined([one.probabilities for one in traces]).astype(np.float32),
        joined([one.moved for one in traces]).astype(np.float32),
    )


def layer_view(
    trace: LayerTrace,
    alphabet: Alphabet,
    emitted: Int32,
    layer: int,
    side: int,
    start_s: float,
    frame_s: float,
) -> LayerView:
    """The view of a part.

    Args:
        trace: of its frames.
        alphabet: what the tokens mean.
        emitted: ``(frames,)``, the most probable token of the emission.
        layer: whose hidden frames the trace has.
        side: most columns of the self-similarity.
        start_s: where the first frame begins.
        frame_s: length of a frame.
    """
    ids, top = np.unique(trace.tokens, return_inverse=True)
    merged = max(1, math.ceil(len(trace.hidden) / side))
    return LayerView(
        start_s=start_s,
        frame_s=frame_s,
        rows=tuple(
            LayerRow(number, greedy_text(row, alphabet), float((row == emitted).mean()))
            for number, row in enumerate(trace.tokens)
        ),
        tokens=tuple(_shown(alphabet, token) for token in ids.tolist()),
        top=top.reshape(trace.tokens.shape).astype(np.int32),
        probabilities=trace.probabilities,
        moved=trace.moved,
        layer=layer,
        similarity=self_similarity(merge_frames(trace.hidden, merged)),
        merged=merged,
    )


def merge_frames(hidden: Float32, merged: int) -> Float32:
    """The mean of each ``merged`` frames of ``hidden`` ``(frames, width)``; the last ones may be fewer."""
    if merged <= 1:
        return hidden
    edges = np.arange(0, len(hidden), merged)
    counts = np.diff(np.append(edges, len(hidden)))
    return (np.add.reduceat(hidden, edges, axis=0) / counts[:, None]).astype(np.float32)


def self_similarity(hidden: Float32) -> Float32:
    """The cosine of each two frames of ``hidden`` ``(n, width)`` without their mean: ``(n, n)``.

    All hidden frames of a model share a large part, which says nothing about one of them; without the mean
    of the part, 0 is as alike as two moments are on average.
    """
    centred = hidden.astype(np.float64) - hidden.mean(axis=0, dtype=np.float64)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    found = np.clip(unit @ unit.T, -1, 1)
    np.fill_diagonal(found, 1.0)
    similarity: Float32 = found.astype(np.float32)
    return similarity


def greedy_text(tokens: Int32, alphabet: Alphabet) -> str:
    """The text of the tokens ``(frames,)``: repeats merged, blanks and special tokens dropped."""
    kept = tokens[np.r_[True, tokens[1:] != tokens[:-1]]] if len(tokens) else tokens
    shown = [_shown(alphabet, token) for token in kept.tolist()]
    return "".join(text for text in shown if text not in alphabet.special).strip()


def _shown(alphabet: Alphabet, token: int) -> str:
    """The token: nothing for the blank, a blank character for the word delimiter."""
    text = alphabet.tokens[token]
    if token == alphabet.blank_id:
        return ""
    return " " if alphabet.word_delimiter and text == alphabet.word_delimiter else text

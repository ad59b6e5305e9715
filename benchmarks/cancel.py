"""``python -m benchmarks.cancel``: how soon the text worker is free after a long operation is cancelled.

An alignment of twenty minutes, a beam search over a part of 30 s, and one that builds the lexicon of new
hotwords, each cancelled while it runs. Measured is the time from the cancel until the worker answers
another request.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.report import Figure, show
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.text import AlignRequest, DecodeTextRequest
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions

ROUNDS = 8
LIMIT_S = 0.2
VOCABULARY = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVKXJQZ'")
FRAME_S = 0.02
ALIGNED_S = 1200.0
DECODED_S = 30.0
LETTER_FRAMES = 12
"""Frames from one letter to the next in the alignment."""


def noise(seconds: float, seed: int = 0) -> Emission:
    """An emission without an answer: every token is possible everywhere, so a beam is always full."""
    frames = round(seconds / FRAME_S)
    logits = np.random.default_rng(seed).normal(scale=1.5, size=(frames, len(VOCABULARY)))
    logits[:, 1:4] = -12.0
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(log_probs.astype(np.float32), VOCABULARY, 0, "|", FRAME_S)


def alignment(_: int) -> AnyRequest:
    words = round(ALIGNED_S / FRAME_S / LETTER_FRAMES / 5)
    return AlignRequest(noise(ALIGNED_S), " ".join(["NEAR"] * words))


def search(number: int) -> AnyRequest:
    return DecodeTextRequest(noise(DECODED_S, number), DecodingOptions(beam_width=200), True)


def hotwords(number: int) -> AnyRequest:
    options = DecodingOptions(hotwords=("near" + "ly" * (number + 1),))
    return DecodeTextRequest(noise(DECODED_S, number), options, True)


async def _delay_s(pool: WorkerPool, request: AnyRequest, after_s: float) -> float | None:
    """Seconds from the cancel to the next answer; None if the operation had ended before."""
    task = asyncio.create_task(pool.request(request, deadline=Deadline.after(120.0)))
    await asyncio.wait({task}, timeout=after_s)
    if task.done():
        return None
    task.cancel()
    begin = time.perf_counter()
    small = DecodeTextRequest(noise(0.1), DecodingOptions(decoder="greedy"), False)
    await pool.request(small, deadline=Deadline.after(120.0))
    return time.perf_counter() - begin


async def delays_s(pool: WorkerPool, make: Callable[[int], AnyRequest]) -> list[float]:
    """The delays of cancels at different times of the operation."""
    await pool.request(make(ROUNDS + 1), deadline=Deadline.after(120.0))  # the first is slower
    begin = time.perf_counter()
    await pool.request(make(ROUNDS), deadline=Deadline.after(120.0))
    whole_s = time.perf_counter() - begin
    fractions = [(number + 0.5) / ROUNDS for number in range(ROUNDS)]
    found = [await _delay_s(pool, make(n), whole_s * part) for n, part in enumerate(fractions)]
    return [delay for delay in found if delay is not None]


async def measure() -> Sequence[Figure]:
    config = json.dumps(
        {
            "language_model": str(assets_path() / "lm"),
            "punctuation": str(assets_path() / "punctuation"),
            "embedded": str(assets_path() / "model"),
            "warm_up": True,
        }
    )
    argv = (sys.executable, "-m", "wav2vec2_app.worker", "--role", "text", "--config", config)
    pool = WorkerPool([WorkerBridge(WorkerSpec("text", argv))])
    await pool.start()
    await pool.wait_ready()
    figures = []
    try:
        for name, make in {
            "alignment of 20 min": alignment,
            "beam search over 30 s": search,
            "beam search with new hotwords": hotwords,
        }.items():
            delays = await delays_s(pool, make)
            figures.append(
                Figure(
                    f"{name} cancelled, worker free after (worst of {len(delays)})",
                    max(delays),
                    "s",
                    LIMIT_S,
                    (min(delays), max(delays)),
                )
            )
    finally:
        await pool.stop()
    return figures


if __name__ == "__main__":
    show("cancel", asyncio.run(measure()))

"""``python -m benchmarks.accelerator [DEVICE]``: an accelerator's engine against transformers' pipeline.

Both run the same weights (wav2vec2-base's shape, random) on one device, over 64 different clips of 10 s, from
samples to greedily decoded text. The pipeline uses half precision as well, at its fastest batch size; the
engine uses the batch size of the application. The runs are interleaved (A B A B). Also measured: one clip
alone, with and without CUDA graphs (:mod:`wav2vec2_app.worker.model.engines.cuda_graphs`), and the share of
the device's matrix-product throughput that the engine reaches.

DEVICE is CUDA or MPS by default; without either nothing is measured. ``cpu`` is for testing the program.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.clips import clip_of
from benchmarks.engines import interleaved, ratio, samples_of
from benchmarks.peers import CLIP_S, SIDE, operations
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.engines.torch_engine import TORCH_DTYPES, TorchEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

CLIPS = 64
ROUNDS = 5
BATCHES = (1, 4, 8, 16, 32, 64)
"""Batch sizes at which the pipeline is tried."""
PEER = "pipeline"
OURS = "engine"

Clips = Sequence[Float32]


def available_device() -> str | None:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None


def pipeline_on(folder: Path, device: str, precision: str) -> Any:
    from transformers import pipeline

    return pipeline(
        "automatic-speech-recognition", str(folder), device=device, dtype=TORCH_DTYPES[precision]
    )


def pipeline_run(recognize: Any, clips: Clips, batch: int) -> Callable[[], object]:
    def transcribe() -> object:
        rows = ({"raw": clip.copy(), "sampling_rate": SAMPLE_RATE_HZ} for clip in clips)
        return list(recognize(rows, batch_size=batch))

    return transcribe


def engine_run(recognizer: Recognizer, clips: Clips) -> Callable[[], object]:
    """Batches as the worker composes them from simultaneous requests."""
    rows = recognizer.batch_size

    def transcribe() -> object:
        emissions: list[Emission] = []
        for begin in range(0, len(clips), rows):
            batch = clips[begin : begin + rows]
            emissions += recognizer.emit_batch(batch, [None] * len(batch))
        return [words_of_path(one, one.log_probs.argmax(axis=1)) for one in emissions]

    return transcribe


def best_batch(recognize: Any, clips: Clips) -> tuple[int, list[Figure]]:
    """The pipeline's fastest batch size, and the figures of all that were tried."""
    figures = []
    speeds: dict[int, float] = {}
    for batch in (size for size in BATCHES if size <= len(clips)):
        try:
            spent_s = interleaved({PEER: pipeline_run(recognize, clips, batch)}, 1)[PEER]
        except torch.OutOfMemoryError:
            break
        speeds[batch] = len(clips) * CLIP_S / statistics.median(spent_s)
        figures.append(Figure(f"pipeline, batches of {batch}", speeds[batch], "audio s/s"))
    return max(speeds, key=lambda size: speeds[size]), figures


def peak_flops(device: str, precision: str) -> float:
    """Floating-point operations per second of large matrix products on the device."""
    side = SIDE if device == "cpu" else 4 * SIDE
    left, right = (
        torch.randn(side, side, device=device).to(TORCH_DTYPES[precision]) / side**0.5
        for _ in range(2)
    )
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        product = left
        for _ in range(8):
            product = product @ right
        product[0, 0].item()  # waits for the device
        seconds.append(time.perf_counter() - begin)
    return 8 * 2 * side**3 / statistics.median(seconds[1:])


def measure(
    device: str | None = None, clips: int = CLIPS, folder: Path | None = None
) -> Sequence[Figure]:
    device = device or available_device()
    if device is None:
        print("There is no accelerator: nothing is measured.")
        return ()
    folder = folder or base_sized_checkpoint()
    engine = TorchEngine(device)
    recognizer = Recognizer(Checkpoint(folder.name, folder, "folder"), engine)
    info = recognizer.info
    if not info.device.startswith(device):
        raise RuntimeError(info.note)
    samples = [samples_of(clip_of(CLIP_S, shift_s=n, seed=n)) for n in range(clips)]
    peer = pipeline_on(folder, device, info.precision)
    batch, tried = best_batch(peer, samples)
    spent_s = interleaved(
        {PEER: pipeline_run(peer, samples, batch), OURS: engine_run(recognizer, samples)}, ROUNDS
    )
    rows = recognizer.batch_size
    forward_s = interleaved({OURS: lambda: engine.forward(np.stack(samples[:rows]))}, ROUNDS)[OURS]
    reached = len(samples[:rows]) * operations(folder) / statistics.median(forward_s)
    alone = one_clip(engine, recognizer, peer, samples[0])
    if recognizer.info.device != info.device:
        raise RuntimeError(recognizer.info.note)
    peak = peak_flops(device, info.precision)
    what = f"{clips} clips of {CLIP_S:g} s in {info.precision}"
    audio_s = [clips * CLIP_S / seconds for seconds in spent_s[OURS]]
    return (
        *tried,
        Figure(f"{what}, engine in batches of {rows}", statistics.median(audio_s), "audio s/s",
               spread=(min(audio_s), max(audio_s))),
        ratio(f"{what}, times the pipeline in batches of {batch}", spent_s[PEER], spent_s[OURS],
              at_least=3.0),
        *alone,
        Figure(f"matrix product of the device in {info.precision}", peak / 1e12, "TFLOP/s"),
        Figure("share of it that a batch reaches, copies included", 100 * reached / peak, "%"),
    )  # fmt: skip


def one_clip(
    engine: TorchEngine, recognizer: Recognizer, peer: Any, clip: Float32
) -> Sequence[Figure]:
    """One request alone; an engine without CUDA graphs beside one that may use them."""
    plain = TorchEngine(engine.device, use_graphs=False)
    plain.load(recognizer.checkpoint)
    runs = {
        PEER: pipeline_run(peer, [clip], 1),
        OURS: engine_run(recognizer, [clip]),
        "plain pass": lambda: plain.forward(clip[None]),
        "pass": lambda: engine.forward(clip[None]),
    }
    for _ in range(ROUNDS):
        engine.forward(clip[None])  # a shape that recurs may be recorded as a CUDA graph
    spent_s = interleaved(runs, 2 * ROUNDS)
    label = f"one clip of {CLIP_S:g} s"
    return (
        *(median_ms(f"{label}: {name}", seconds) for name, seconds in spent_s.items()),
        ratio(f"{label}, times as fast as the pipeline", spent_s[PEER], spent_s[OURS]),
        ratio(f"{label}, CUDA graph over plain pass", spent_s["plain pass"], spent_s["pass"], 0.9),
    )


if __name__ == "__main__":
    show("accelerator", measure(sys.argv[1] if sys.argv[1:] else None))

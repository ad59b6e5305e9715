"""``python -m benchmarks.accelerator [DEVICE]``: an accelerator's engine against transformers' pipeline.

The same weights (wav2vec2-base's shape, random) on one device, 64 different clips of 10 s, from samples
to the text on the best path. The pipeline has half precision too and is taken at its best batch size; the
engine hears as many at once as it does in the application. Both in turn (A B A B). Also: one clip alone,
with and without recorded passes (:mod:`wav2vec2_app.worker.model.engines.cuda_graphs`), and the share of
what the device reaches in matrix products.

Without a DEVICE it is CUDA or MPS, and where neither is at hand nothing is measured; ``cpu`` tries the
program out.
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
from benchmarks.engines import in_turn, ratio, samples_of
from benchmarks.peers import CLIP_S, SIDE, operations
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.engines.torch_engine import DTYPES, TorchEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

CLIPS = 64
ROUNDS = 5
BATCHES = (1, 4, 8, 16, 32, 64)
"""Batch sizes at which the pipeline is tried."""
PEER = "pipeline"
OURS = "engine"

Clips = Sequence[Float32]


def device_at_hand() -> str | None:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None


def pipeline_on(folder: Path, device: str, precision: str) -> Any:
    from transformers import pipeline

    return pipeline(
        "automatic-speech-recognition", str(folder), device=device, dtype=DTYPES[precision]
    )


def pipeline_way(recognize: Any, clips: Clips, batch: int) -> Callable[[], object]:
    def read() -> object:
        rows = ({"raw": clip.copy(), "sampling_rate": SAMPLE_RATE_HZ} for clip in clips)
        return list(recognize(rows, batch_size=batch))

    return read


def engine_way(recognizer: Recognizer, clips: Clips) -> Callable[[], object]:
    """As the worker answers those who ask at once."""
    together = recognizer.batch_size

    def read() -> object:
        emissions: list[Emission] = []
        for begin in range(0, len(clips), together):
            some = clips[begin : begin + together]
            emissions += recognizer.emit_batch(some, [None] * len(some))
        return [words_of_path(one, one.log_probs.argmax(axis=1)) for one in emissions]

    return read


def best_batch(recognize: Any, clips: Clips) -> tuple[int, list[Figure]]:
    """The batch size at which the pipeline reads most audio a second."""
    figures = []
    speeds: dict[int, float] = {}
    for batch in (size for size in BATCHES if size <= len(clips)):
        try:
            spent_s = in_turn({PEER: pipeline_way(recognize, clips, batch)}, 1)[PEER]
        except torch.OutOfMemoryError:
            break
        speeds[batch] = len(clips) * CLIP_S / statistics.median(spent_s)
        figures.append(Figure(f"pipeline, batches of {batch}", speeds[batch], "audio s/s"))
    return max(speeds, key=lambda size: speeds[size]), figures


def peak_flops(device: str, precision: str) -> float:
    """Operations a second of large matrix products on the device."""
    side = SIDE if device == "cpu" else 4 * SIDE
    left, right = (
        torch.randn(side, side, device=device).to(DTYPES[precision]) / side**0.5 for _ in range(2)
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
    device = device or device_at_hand()
    if device is None:
        print("no accelerator is at hand: nothing is measured")
        return ()
    folder = folder or base_sized_checkpoint()
    engine = TorchEngine(device)
    recognizer = Recognizer(Checkpoint(folder.name, folder, "folder"), engine)
    info = recognizer.info
    if not info.device.startswith(device):
        raise RuntimeError(info.note)
    spoken = [samples_of(clip_of(CLIP_S, shift_s=n, seed=n)) for n in range(clips)]
    peer = pipeline_on(folder, device, info.precision)
    batch, tried = best_batch(peer, spoken)
    spent_s = in_turn(
        {PEER: pipeline_way(peer, spoken, batch), OURS: engine_way(recognizer, spoken)}, ROUNDS
    )
    rows = recognizer.batch_size
    forward_s = in_turn({OURS: lambda: engine.forward(np.stack(spoken[:rows]))}, ROUNDS)[OURS]
    reached = len(spoken[:rows]) * operations(folder) / statistics.median(forward_s)
    alone = one_clip(engine, recognizer, peer, spoken[0])
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
    """Someone alone; a plain engine beside the one that may record its passes."""
    plain = TorchEngine(engine.device, use_graphs=False)
    plain.load(recognizer.checkpoint)
    ways = {
        PEER: pipeline_way(peer, [clip], 1),
        OURS: engine_way(recognizer, [clip]),
        "plain pass": lambda: plain.forward(clip[None]),
        "pass": lambda: engine.forward(clip[None]),
    }
    for _ in range(ROUNDS):
        engine.forward(clip[None])  # a shape that keeps coming may be recorded
    spent_s = in_turn(ways, 2 * ROUNDS)
    label = f"one clip of {CLIP_S:g} s"
    return (
        *(median_ms(f"{label}: {name}", seconds) for name, seconds in spent_s.items()),
        ratio(f"{label}, times as fast as the pipeline", spent_s[PEER], spent_s[OURS]),
        ratio(f"{label}, recorded pass where it pays", spent_s["plain pass"], spent_s["pass"], 0.9),
    )


if __name__ == "__main__":
    show("accelerator", measure(*sys.argv[1:2]))

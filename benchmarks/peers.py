"""``python -m benchmarks.peers``: this application against transformers' own pipeline, on the same weights.

*One request*: a 10 s clip through orchestrator, service, bridge and workers, and through
``AutomaticSpeechRecognitionPipeline`` in fp32 with its defaults, interleaved (A B A B). Concurrent requests
are measured in :mod:`benchmarks.users`.
*The bound*: the machine's matrix-multiply throughput in the same run, the model's operation count, and the
share of that peak that the engine reaches.

The model has the shape of wav2vec2-base and random weights; the argument ``embedded`` uses the embedded one.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DecodingOptions

CLIP_S = 10.0
ROUNDS = 7
SIDE = 2048
GREEDY = DecodingOptions(decoder="greedy")
"""The decoding of the pipeline."""


def make_pipeline(folder: Path) -> Callable[[], Any]:
    """The pipeline on ``folder``, applied to the clip."""
    from transformers import pipeline

    recognize = pipeline("automatic-speech-recognition", str(folder), device="cpu")
    samples, rate_hz = soundfile.read(clip_of(CLIP_S), dtype="float32")
    return lambda: recognize({"raw": samples.copy(), "sampling_rate": rate_hz})


def operations(folder: Path) -> float:
    """Multiplications and additions of one forward pass over the clip."""
    import json

    config = json.loads((folder / "config.json").read_text())
    frames, total, before = CLIP_S * 16_000, 0.0, 1
    layers = zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"], strict=True)
    for width, kernel, stride in layers:
        frames /= stride
        total += 2 * frames * before * width * kernel
        before = width
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    groups = config["num_conv_pos_embedding_groups"]
    total += 2 * frames * before * hidden
    total += 2 * frames * hidden * hidden / groups * config["num_conv_pos_embeddings"]
    layer = 2 * frames * (4 * hidden * hidden + 2 * hidden * inner) + 4 * frames * frames * hidden
    return float(total + config["num_hidden_layers"] * layer)


def peak_flops(precision: str) -> float:
    """Floating-point operations per second of a large matrix product in ``precision``, by OpenVINO."""
    import openvino as ov
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    left = ops.parameter([SIDE, SIDE], np.float32)
    product = left
    for _ in range(4):
        weight = rng.standard_normal((SIDE, SIDE)).astype(np.float32) / SIDE
        product = ops.matmul(product, ops.constant(weight), False, True)
    hint = {"fp32": "f32"}.get(precision, precision)
    model = ov.Model([product], [left], "product")
    request = ov.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    ).create_infer_request()  # fmt: skip
    batch = {0: rng.standard_normal((SIDE, SIDE)).astype(np.float32)}
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        request.infer(batch)
        seconds.append(time.perf_counter() - begin)
    return float(4 * 2 * SIDE**3 / statistics.median(seconds[1:]))


async def measure(folder: Path | None = None) -> Sequence[Figure]:
    folder = folder or base_sized_checkpoint()
    peer = make_pipeline(folder)
    settings = Settings(fetch_models=False, model=str(folder), log_level="WARNING", cache_bytes=0)
    system = build_system(settings)
    await system.orchestrator.start()
    await system.service.wait_ready()
    ours, theirs, forward = [], [], []
    try:
        for number in range(ROUNDS + 1):
            task = AudioTask(AudioSource(path=clip_of(CLIP_S)), decoding=GREEDY)
            begin = time.perf_counter()
            result = await system.orchestrator.run(task)
            middle = time.perf_counter()
            peer()
            if number:
                ours.append(middle - begin)
                theirs.append(time.perf_counter() - middle)
                forward.append(sum(s.duration_s for s in result.stages if s.name == "forward"))
        model = system.service.model
    finally:
        await system.orchestrator.stop()
    precision = model.precision if model else "fp32"
    bound = "bf16" if precision == "int8" else precision  # only its linear layers are in 8 bits
    peak = peak_flops(bound)
    reached = operations(folder) / statistics.median(forward)
    return (
        Figure("10 s clip, pipeline in fp32", 1000 * statistics.median(theirs), "ms"),
        Figure(f"10 s clip, whole service in {precision}", 1000 * statistics.median(ours), "ms"),
        Figure("10 s clip, times as fast as the pipeline", statistics.median(
            t / o for t, o in zip(theirs, ours, strict=True)), "times", at_least=2.5),
        Figure(f"matrix product of the machine in {bound}", peak / 1e9, "GFLOP/s"),
        Figure("share of it that the forward pass reaches", 100 * reached / peak, "%", at_least=50.0),
    )  # fmt: skip


if __name__ == "__main__":
    embedded = assets_path() / "model" if "embedded" in sys.argv[1:] else None
    title = "peers_embedded" if embedded else "peers"
    show(title, asyncio.run(measure(embedded)))

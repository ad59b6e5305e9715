"""``python -m benchmarks.pictures``: cost of audio decoding, features and pictures, and their sizes.

Everything runs in a fresh process with one thread, as in the audio worker. Times are medians after the
worker's own warm-up, which is listed separately.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, median_ms, show

REPEATS = 15
CLIP_S, LONG_S = 10.0, 600.0
MAX_DURATION_S, MAX_BYTES = 3600.0, 1 << 30


def measure() -> Sequence[Figure]:
    """The figures, measured in a child process, so that start and memory are those of a worker."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "figures.json"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.pictures", "--child", str(output)]
        subprocess.run(command, check=True, env=environment)
        return [Figure(**figure) for figure in json.loads(output.read_text())]


def measure_here() -> list[Figure]:
    """The same in this process, which must be fresh."""
    import psutil

    begin = time.perf_counter()
    from wav2vec2_app.worker.operations.audio import create

    create({"max_duration_s": MAX_DURATION_S, "max_bytes": MAX_BYTES})
    ready_s = time.perf_counter() - begin
    memory = psutil.Process().memory_info
    figures = [
        Figure("imports and warm-up", 1000 * ready_s, "ms", 3000),
        Figure("resident after warm-up", memory().rss / 1e6, "MB"),
    ]
    figures += _clip_figures(CLIP_S, REPEATS, feature_limit_ms=200, draw_limit_ms=1000)
    figures.append(Figure("resident after 10 s clips", memory().rss / 1e6, "MB"))
    figures += _clip_figures(LONG_S, 1)
    figures.append(Figure("resident after a 10 minute clip", memory().rss / 1e6, "MB"))
    return figures


def _clip_figures(
    seconds: float,
    repeats: int,
    feature_limit_ms: float | None = None,
    draw_limit_ms: float | None = None,
) -> list[Figure]:
    import numpy as np

    from benchmarks.clips import clip_of
    from wav2vec2_app.speech.audio import AudioSource
    from wav2vec2_app.speech.emission import Emission
    from wav2vec2_app.speech.transcript import Word
    from wav2vec2_app.worker.audio.decode import decode
    from wav2vec2_app.worker.audio.features import extract
    from wav2vec2_app.worker.plots import PICTURES, draw

    path = clip_of(seconds)
    source = AudioSource(data=path.read_bytes())
    path.unlink()
    decoding, decoded = _timed(
        lambda: decode(source, max_duration_s=MAX_DURATION_S, max_bytes=MAX_BYTES), repeats
    )
    samples = decoded.audio.samples
    measuring, features = _timed(lambda: extract(samples), repeats)

    random = np.random.default_rng(0)
    logits = random.normal(size=(round(seconds / 0.02), 32)) * 3
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    vocabulary = ("<pad>", "|", *(chr(97 + token) for token in range(30)))
    emission = Emission(logits.astype(np.float16), vocabulary, 0, "|", 0.02)
    words = tuple(
        Word("word", start, start + 0.3, 0.9) for start in np.arange(0, seconds - 0.4, 0.4).tolist()
    )
    label = f"{seconds:g} s clip"
    figures = [
        median_ms(f"{label}: decode WAV", decoding),
        median_ms(f"{label}: features", measuring, feature_limit_ms),
    ]
    totals = [0.0] * repeats
    for name in PICTURES:
        times, picture = _timed(partial(draw, name, samples, features, emission, words), repeats)
        totals = [total + one for total, one in zip(totals, times, strict=True)]
        figures.append(median_ms(f"{label}: draw {name}", times))
        figures.append(Figure(f"{label}: size of {name}", len(picture.svg) / 1000, "kB", 300))
    figures.append(median_ms(f"{label}: draw all", totals, draw_limit_ms))
    return figures


def _timed(work: Callable[[], Any], repeats: int) -> tuple[list[float], Any]:
    times = []
    result: Any = None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return times, result


def main() -> None:
    """Measure and print; in the child process, write the figures to a file."""
    if "--child" in sys.argv:
        figures = [vars(figure) for figure in measure_here()]
        Path(sys.argv[-1]).write_text(json.dumps(figures))
    else:
        show("pictures", measure())


if __name__ == "__main__":
    main()

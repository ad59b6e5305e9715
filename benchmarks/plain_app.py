"""``python -m benchmarks.plain_app FOLDER PORT CONCURRENCY``: the usual Gradio app for speech recognition.

A Gradio interface around transformers' pipeline, as Gradio's guide on speech recognition shows it: an audio
component, a function that calls the pipeline in fp32 with its defaults, and text. :mod:`benchmarks.users`
compares this application with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import gradio as gr
import numpy as np
from transformers import pipeline

Recording = tuple[int, np.ndarray]
"""The value of ``gr.Audio``: sample rate, and samples ``(n,)`` or ``(n, channels)``."""


def make_handler(folder: str) -> Callable[[Recording], str]:
    recognize = pipeline("automatic-speech-recognition", model=folder, device="cpu")

    def transcribe(recording: Recording) -> str:
        rate_hz, samples = recording
        mono = samples.mean(axis=1) if samples.ndim > 1 else samples
        speech = mono.astype(np.float32)
        peak = np.abs(speech).max()
        if peak > 0:
            speech /= peak
        return str(recognize({"sampling_rate": rate_hz, "raw": speech})["text"])

    return transcribe


def make_page(folder: str, concurrency: int) -> gr.Interface:
    return gr.Interface(
        make_handler(folder),
        gr.Audio(sources=["microphone", "upload"]),
        "text",
        concurrency_limit=concurrency,
        api_name="transcribe",
    )


if __name__ == "__main__":
    folder, port, concurrency = sys.argv[1:4]
    make_page(folder, int(concurrency)).launch(server_port=int(port), quiet=True)

"""Greedy word and letter error rates of a checkpoint folder, by transformers.

Run `python -m training.evaluate --model FOLDER`. Sets: `dev` and `commands-dev` (for tuning),
`everyday-test` (two synthetic voices), `examples`; `test-clean-60` and `accents-50` are for reporting.
"""

import argparse
import json
import time
from pathlib import Path

import jiwer
import numpy as np
import torch
from transformers import Wav2Vec2ForCTC, Wav2Vec2Processor

from training.data import Packed, read_audio, utterances
from training.model import SAMPLE_RATE_HZ
from training.paths import EXAMPLES, MODEL, STATE

SETS = ("dev", "commands-dev", "everyday-test", "examples", "test-clean-60", "accents-50")


def load_set(name: str) -> list[tuple[np.ndarray, str]]:
    """Return audio (int16, 16 kHz) and lower-case text of each clip of a set."""
    if name == "examples":
        rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
        return [(read_audio(EXAMPLES / row["file"]), row["text"]) for row in rows]
    if name == "everyday-test":
        packed = Packed(STATE / "audio" / name)
        return [(packed[index], text) for index, text in enumerate(packed.texts)]
    return [(read_audio(item.path), item.text) for item in utterances(name)]


def transcribe(model: Wav2Vec2ForCTC, processor: Wav2Vec2Processor, audio: np.ndarray) -> str:
    """Return the greedy transcript of int16 samples, lower case."""
    inputs = processor(audio / 32768, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
    with torch.inference_mode():
        logits = model(
            inputs.input_values.to(model.device),
            attention_mask=inputs.attention_mask.to(model.device),
        ).logits
    return processor.batch_decode(logits.argmax(-1))[0].lower()


def evaluate(name: str, folder: Path, show: int) -> None:
    """Print the error rates on one set, and the first `show` transcripts."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float32).to(device).eval()
    processor = Wav2Vec2Processor.from_pretrained(folder)
    clips = load_set(name)
    start = time.monotonic()
    found = [transcribe(model, processor, audio) for audio, _ in clips]
    spent_s = time.monotonic() - start
    texts = [text for _, text in clips]
    for text, transcript in list(zip(texts, found, strict=True))[:show]:
        print(f"said:  {text}\nfound: {transcript}")
    heard_s = sum(len(audio) for audio, _ in clips) / SAMPLE_RATE_HZ
    print(
        f"{name}: {len(clips)} clips, {heard_s:.0f} s, WER {jiwer.wer(texts, found):.3f}, "
        f"CER {jiwer.cer(texts, found):.3f}, {heard_s / spent_s:.0f} times real time",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", nargs="+", choices=SETS, default=["dev", "commands-dev"])
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--show", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    for chosen in arguments.set:
        evaluate(chosen, arguments.model, arguments.show)

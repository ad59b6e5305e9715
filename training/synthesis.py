"""Synthetic speech: hibari (one voice, 200 times real time) and Kokoro (many voices) read sentences.

Run `python -m training.synthesis hibari --hours 4 --first 0`: reads on from sentence number `first`
and prints the number to go on from. `python -m training.synthesis test` makes the test clips of two
voices that are never used for training.
"""

import argparse
import itertools
import re

import numpy as np
import soxr

from training.data import SAMPLE_RATE_HZ, pack
from training.paths import STATE
from training.text import plain, training_sentences

SYNTH_RATE_HZ = 24_000
TEST_VOICES = ("af_nova", "bm_lewis")


def to_int16(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return 16 kHz int16 samples with a peak of at most 0.9."""
    audio = soxr.resample(audio.astype(np.float32), rate_hz, SAMPLE_RATE_HZ)
    peak = float(np.abs(audio).max()) + 1e-6
    return (audio * min(1.0, 0.9 / peak) * 32767).astype(np.int16)


def read_with_hibari(hours: float, first: int) -> int:
    """Write one set of about `hours` and return the number of the next sentence."""
    from hibari import Hibari

    voice = Hibari()
    rng = np.random.default_rng(first)
    clips: list[tuple[np.ndarray, str, str]] = []
    samples, number = 0, first
    for number, sentence in enumerate(itertools.islice(training_sentences(), first, None), first):
        text = plain(sentence)
        if not 2 <= len(text.split()) <= 40 or re.search(r"\bsaint\b", text):
            continue
        speed = float(rng.uniform(0.75, 1.35))
        audio = to_int16(voice(sentence, speed=speed, seed=number), SYNTH_RATE_HZ)
        clips.append((audio, text, "hibari"))
        samples += len(audio)
        if samples > hours * 3600 * SAMPLE_RATE_HZ:
            break
    pack(clips, STATE / "audio" / f"hibari-{first:06d}")
    print(
        f"{len(clips)} clips, {samples / SAMPLE_RATE_HZ / 3600:.2f} h; next: --first {number + 1}"
    )
    return number + 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("hibari",))
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    read_with_hibari(arguments.hours, arguments.first)

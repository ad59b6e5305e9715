"""``python -m benchmarks.silence [SET] [CHECKPOINT]``: errors of the speech detector.

Counts the sounds without speech (a minute each, see :mod:`benchmarks.sounds`) in which speech is found, and
the recordings of real speech that lose words: unchanged, 30 dB quieter, and with noise 10 dB below. ``SET``
is ``heldout`` (the training recipe's held-out speakers, the default: choose parameters on these) or
``test-clean-60`` (to report); both need ``../shared/speech`` beside a checkout. ``CHECKPOINT`` is a folder;
the embedded model's by default.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks import sounds
from benchmarks.recognition import examples
from benchmarks.report import Figure, median_ms, show
from training.data import held_out_utterances, read_table
from training.paths import SPEECH
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint
from wav2vec2_app.worker.model.speech_activity import (
    SpeechActivity,
    find_speech,
    frame_energy,
    mask_non_speech,
)

SEED = 2024
SOUND_S = 60.0
QUIETER_DB = -30.0
NOISE_DB = 10.0


@dataclass(frozen=True)
class Detection:
    """The result for one recording; ``spent_s`` is the detector's time per 10 s of audio."""

    emission: Emission
    activity: SpeechActivity
    spent_s: float

    @property
    def complete(self) -> bool:
        """Whether greedy decoding of the detected speech gives the same words as of the recording."""
        return bool(self.activity.segments) and _words(self.emission) == _words(
            mask_non_speech(self.emission, self.activity)
        )


def _words(emission: Emission) -> list[str]:
    return [word.text for word in words_of_path(emission, emission.log_probs.argmax(axis=1))]


class Detector:
    """A checkpoint with the speech detector, applied to samples ``(n,)``."""

    def __init__(self, folder: Path) -> None:
        self._recognizer = Recognizer(
            Checkpoint(folder.name, folder, "folder"),
            OpenVinoEngine(precision="fp32", threads=1),
        )

    def detect(self, samples: Float32) -> Detection:
        emission = self._recognizer.emit(samples)
        hop = round(emission.frame_s * SAMPLE_RATE_HZ)
        begin = time.perf_counter()
        energy_db = frame_energy(samples, hop, len(emission.log_probs))
        activity = find_speech(emission, energy_db)
        spent_s = time.perf_counter() - begin
        return Detection(emission, activity, spent_s * 10 / max(1.0, emission.duration_s))


def without_speech(detector: Detector) -> Figure:
    """The number of sounds in which speech is found."""
    mistaken = []
    for name, sound in sounds.everything(SOUND_S, SEED):
        found = detector.detect(sound)
        if found.activity.segments:
            mistaken.append(name)
            print(f"speech found in: {name}, {found.activity.segments[:3]}")
    return Figure(f"sounds of {SOUND_S:g} s in which speech is found", len(mistaken), "", 0)


def with_speech(
    detector: Detector, name: str, clips: Sequence[tuple[str, Float32]]
) -> Iterator[Figure]:
    """The number of recordings that lose words, under each condition."""
    spent_s = []
    for condition, change in (
        ("", lambda clip, _: clip),
        (f" at {QUIETER_DB:g} dB", lambda clip, _: clip * 10 ** (QUIETER_DB / 20)),
        (f" in noise {NOISE_DB:g} dB below", _in_noise),
    ):
        missed = cut = 0
        for number, (label, clip) in enumerate(clips):
            found = detector.detect(change(clip, number).astype("float32"))
            spent_s.append(found.spent_s)
            missed += not found.activity.segments
            cut += not found.complete
            if not found.complete:
                print(f"words lost: {label}{condition}, {found.activity}")
        yield Figure(f"{name}{condition}: no speech found, of {len(clips)}", missed, "", 0)
        yield Figure(f"{name}{condition}: words lost, of {len(clips)}", cut, "", 0)
    yield median_ms("detecting speech in 10 s", spent_s, 5)


def after_a_sound(detector: Detector, clip: Float32) -> Figure:
    """Seconds beyond a sentence that are detected as speech, at worst, after a minute of a sound."""
    extra_s = 0.0
    for sound in (
        sounds.white_noise(SOUND_S, -35, SEED),
        sounds.coloured_noise(SOUND_S, -35, SEED, 1.0),
        sounds.chords(SOUND_S, 100, -30, SEED),
    ):
        found = detector.detect(sounds.joined(sound, clip))
        speech_s = sum(end - start for start, end in found.activity.segments)
        extra_s = max(extra_s, speech_s - len(clip) / SAMPLE_RATE_HZ)
    return Figure("speech beyond a sentence after a minute of a sound", extra_s, "s", 2.0)


def _in_noise(clip: Float32, number: int) -> Float32:
    slope = float(number % 2)  # white and pink alternate
    noise = sounds.coloured_noise(len(clip) / SAMPLE_RATE_HZ, -20, SEED + number, slope)
    return sounds.mixed(clip, noise, NOISE_DB)


def _clips(paths: Sequence[Path]) -> list[tuple[str, Float32]]:
    return [(path.stem, soundfile.read(path, dtype="float32")[0]) for path in paths]


def measure(name: str = "heldout", folder: Path | None = None) -> Sequence[Figure]:
    detector = Detector(folder or assets_path() / "model")
    own = _clips([path for path, _ in examples()])
    figures = [without_speech(detector), after_a_sound(detector, own[0][1])]
    figures += with_speech(detector, "example clips", own)
    if not SPEECH.exists():
        print("../shared/speech was not found: only the example clips are used.")
        return figures
    spoken = held_out_utterances() if name == "heldout" else read_table(SPEECH / f"{name}.tsv")
    figures += with_speech(detector, name, _clips([utterance.path for utterance in spoken]))
    return figures


if __name__ == "__main__":
    arguments = [*sys.argv[1:3]]
    figures = measure(
        arguments[0] if arguments else "heldout", Path(arguments[1]) if arguments[1:] else None
    )
    sys.exit(0 if show("silence", figures) else 1)

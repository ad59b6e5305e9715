"""Real speech: what is there, who is held out, and one decoded copy on disk.

Run `python -m training.data` to decode all of it once.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from training.paths import SPEECH, STATE

HELD_OUT_SPEAKERS = frozenset({"1737", "32", "7312", "669"})  # for tuning, never for training


@dataclass(frozen=True)
class Utterance:
    """One recording and what is said in it (lower case; letters, apostrophe, space)."""

    path: Path
    speaker: str
    text: str


def read_table(table: Path) -> list[Utterance]:
    """Return the utterances that a table of the speech folder lists."""
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Utterance(table.parent / row["path"], row["speaker"], row["transcript"].lower())
        for row in rows
    ]


def training_utterances() -> list[Utterance]:
    """Return the real speech that may be trained on."""
    table = read_table(SPEECH / "train.tsv")
    return [item for item in table if item.speaker not in HELD_OUT_SPEAKERS]


def held_out_utterances() -> list[Utterance]:
    """Return the real speech of the speakers held out for tuning."""
    table = read_table(SPEECH / "train.tsv")
    return [item for item in table if item.speaker in HELD_OUT_SPEAKERS]


def read_audio(path: Path) -> np.ndarray:
    """Return mono 16 kHz samples as int16, shape `(samples,)`."""
    audio, rate = soundfile.read(path, dtype="int16")
    if rate != 16_000 or audio.ndim != 1:
        raise ValueError(f"{path.name}: expected 16 kHz mono, got {rate} Hz, {audio.ndim} axes")
    return audio


class Packed:
    """Many arrays end to end in one memory-mapped file, with where each starts."""

    def __init__(self, stem: Path) -> None:
        self.values = np.load(stem.with_suffix(".npy"), mmap_mode="r")
        self.starts = np.load(stem.with_suffix(".starts.npy"))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self.starts[index] : self.starts[index + 1]]

    def length(self, index: int) -> int:
        """Return how long item `index` is along the first axis."""
        return int(self.starts[index + 1] - self.starts[index])


def pack(arrays: list[np.ndarray], stem: Path) -> None:
    """Write what `Packed` reads."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    np.save(stem.with_suffix(".npy"), np.concatenate(arrays))
    lengths = [len(array) for array in arrays]
    np.save(stem.with_suffix(".starts.npy"), np.concatenate([[0], np.cumsum(lengths)]))


def real_audio() -> Packed:
    """Return the decoded training speech, in the order of `training_utterances`."""
    stem = STATE / "real"
    if not stem.with_suffix(".starts.npy").exists():
        pack([read_audio(item.path) for item in training_utterances()], stem)
    return Packed(stem)


if __name__ == "__main__":
    packed = real_audio()
    print(f"{len(packed)} utterances, {len(packed.values) / 16_000 / 3600:.2f} h")

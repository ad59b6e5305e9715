"""Recordings: the tables of the speech folder, held-out speakers, decoded copies on disk.

Run `python -m training.data` to decode all training speech once.
"""

import argparse
import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from training.paths import SPEECH, STATE

SAMPLE_RATE_HZ = 16_000
HELD_OUT_SPEAKERS = frozenset({"1737", "32", "7312", "669"})  # for tuning, never for training
ALIGNED_SPEAKERS = frozenset({"4088", "4406", "5652", "8226"})  # word times are measured on these


@dataclass(frozen=True)
class Utterance:
    """One recording and its transcript (lower case; letters, apostrophe, space)."""

    path: Path
    speaker: str
    text: str


def read_table(table: Path) -> list[Utterance]:
    """Return the utterances that a table of the speech folder lists."""
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Utterance(
            table.parent / row["path"],
            row.get("speaker") or row["voice"],
            row["transcript"].lower(),
        )
        for row in rows
    ]


def commands(*, held_out: bool) -> list[Utterance]:
    """Return the spoken commands: nine tenths for training, or the tenth that is held out."""
    table = read_table(SPEECH / "commands.tsv")
    random.Random(1).shuffle(table)
    return table[: len(table) // 10] if held_out else table[len(table) // 10 :]


def utterances(name: str) -> list[Utterance]:
    """Return a named set: `real`, `dev`, `commands`, `commands-dev`, `kokoro` or a reporting set."""
    if name in {"real", "dev"}:
        table = read_table(SPEECH / "train.tsv")
        return [u for u in table if (u.speaker in HELD_OUT_SPEAKERS) is (name == "dev")]
    if name in {"commands", "commands-dev"}:
        return commands(held_out=name == "commands-dev")
    return read_table(SPEECH / f"{name}.tsv")


def held_out_utterances() -> list[Utterance]:
    """Return the read speech of the speakers held out for tuning."""
    return utterances("dev")


def tuning_utterances() -> list[Utterance]:
    """Return all held-out speech: read speech and spoken commands."""
    return utterances("dev") + utterances("commands-dev")


def read_audio(path: Path) -> np.ndarray:
    """Return mono 16 kHz samples as int16, shape `(samples,)`."""
    audio, rate = soundfile.read(path, dtype="int16")
    if rate != SAMPLE_RATE_HZ or audio.ndim != 1:
        raise ValueError(f"{path.name}: expected 16 kHz mono, got {rate} Hz, {audio.ndim} axes")
    return audio


class Packed:
    """Many clips end to end in one memory-mapped file, with their texts."""

    def __init__(self, stem: Path) -> None:
        self.values = np.load(stem.with_suffix(".npy"), mmap_mode="r")
        table = json.loads(stem.with_suffix(".json").read_text())
        self.texts: list[str] = table["texts"]
        self.voices: list[str] = table["voices"]
        self.starts = np.cumsum([0, *table["lengths"]])

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self.starts[index] : self.starts[index + 1]]

    def samples(self, index: int) -> int:
        """Return the length of clip `index`."""
        return int(self.starts[index + 1] - self.starts[index])


def pack(clips: list[tuple[np.ndarray, str, str]], stem: Path) -> None:
    """Write int16 clips, each with text and voice, to the files that `Packed` reads."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    np.save(stem.with_suffix(".npy"), np.concatenate([clip[0] for clip in clips]))
    table = {
        "lengths": [len(clip[0]) for clip in clips],
        "texts": [clip[1] for clip in clips],
        "voices": [clip[2] for clip in clips],
    }
    stem.with_suffix(".json").write_text(json.dumps(table))


def packed_set(name: str) -> Packed:
    """Return a named set as decoded clips; it is decoded on first use."""
    stem = STATE / "audio" / name
    if not stem.with_suffix(".json").exists():
        pack([(read_audio(u.path), u.text, u.speaker) for u in utterances(name)], stem)
    return Packed(stem)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    every = ("real", "dev", "commands", "commands-dev", "kokoro", "test-clean-60", "accents-50")
    parser.add_argument("sets", nargs="*", default=every)
    for part in parser.parse_args().sets:
        packed = packed_set(part)
        hours = len(packed.values) / SAMPLE_RATE_HZ / 3600
        print(f"{part}: {len(packed)} utterances, {hours:.2f} h")

"""Batches of training clips: drawn by source, changed in speed, joined, distorted and padded."""

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from training.augment import Distorter, Strength, change_speed
from training.data import SAMPLE_RATE_HZ, Packed, packed_set
from training.model import encode_text, frames_of
from training.network import normalise
from training.paths import STATE
from training.text import quotes_example

SHARES = {
    "real": 0.44,
    "kokoro": 0.24,
    "hibari": 0.07,
    "accents": 0.1,
    "classic": 0.07,
    "commands": 0.05,
    "nothing": 0.03,
}
POOL = 192  # clips that are sorted by length together
ROUND_S = 0.5  # batches are padded to a multiple of this, which bounds the number of shapes
SHORTEST_S = 0.5


@dataclass
class Piece:
    """One clip of a set, to be played at `speed`."""

    packed: Packed
    index: int
    speed: float

    @property
    def seconds(self) -> float:
        return self.packed.samples(self.index) / self.speed / SAMPLE_RATE_HZ


@dataclass
class Item:
    """One training example: pieces with pauses between them, or nothing said."""

    pieces: list[Piece] = field(default_factory=list)
    pauses_s: list[float] = field(default_factory=list)
    audio: np.ndarray | None = None

    @property
    def seconds(self) -> float:
        if self.audio is not None:
            return len(self.audio) / SAMPLE_RATE_HZ
        return sum(self.pauses_s) + sum(piece.seconds for piece in self.pieces)

    @property
    def text(self) -> str:
        return " ".join(piece.packed.texts[piece.index] for piece in self.pieces)


@dataclass
class Batch:
    """Padded clips: normalised audio `(batch, samples)` clean and distorted, lengths, letters."""

    clean: Tensor
    distorted: Tensor
    samples: Tensor
    frames: Tensor
    letters: list[list[int]]

    @property
    def seconds(self) -> float:
        return float(self.samples.sum()) / SAMPLE_RATE_HZ


def normalised(clips: list[np.ndarray]) -> Tensor:
    """Return clips, each normalised by itself, padded with zeros to a common rounded length."""
    step = int(ROUND_S * SAMPLE_RATE_HZ)
    longest = -(-max(map(len, clips)) // step) * step
    padded = torch.zeros(len(clips), longest)
    for row, clip in enumerate(clips):
        padded[row, : len(clip)] = normalise(torch.from_numpy(clip))
    return padded


class Corpus:
    """All training clips by source; see `SHARES` for how often each source is drawn."""

    def __init__(
        self, seed: int, strength: Strength, shares: dict[str, float] | None = None
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.shares = dict(SHARES if shares is None else shares)
        self.sources: dict[str, list[Packed]] = {
            "real": [packed_set("real")],
            "kokoro": [packed_set("kokoro"), *self.made("kokoro-")],
            "hibari": self.made("hibari-"),
            "accents": self.made("accents-"),
            "classic": self.made("classic-"),
            "commands": [packed_set("commands")],
        }
        for name in [n for n, sets in self.sources.items() if not sets]:
            self.shares.pop(name, None)
        self.distort = Distorter(seed, strength)
        real = self.sources["real"][0]
        chosen = np.random.default_rng(3).choice(len(real), 60, replace=False)
        self.distort.voices = [self.level(real[int(i)]) for i in chosen]
        for name, sets in self.sources.items():
            hours = sum(len(s.values) for s in sets) / SAMPLE_RATE_HZ / 3600
            print(f"{name}: {sum(map(len, sets))} clips, {hours:.1f} h", flush=True)

    @staticmethod
    def made(prefix: str) -> list[Packed]:
        """Return the synthetic sets whose name starts with `prefix`."""
        return [
            Packed(p.with_suffix("")) for p in sorted((STATE / "audio").glob(f"{prefix}*.json"))
        ]

    @staticmethod
    def level(clip: np.ndarray) -> np.ndarray:
        """Return int16 samples as float32 of unit variance."""
        audio = clip.astype(np.float32)
        return audio / (audio.std() + 1e-6)

    def draw_piece(self, name: str) -> Piece:
        """Return a random clip of a source at a random speed."""
        sets = self.sources[name]
        sizes = np.array([len(s) for s in sets], float)
        packed = sets[self.rng.choice(len(sets), p=sizes / sizes.sum())]
        speed = 1.0 if self.rng.random() < 0.15 else float(self.rng.uniform(0.85, 1.18))
        index = int(self.rng.integers(len(packed)))
        while quotes_example(packed.texts[index]):
            index = int(self.rng.integers(len(packed)))
        return Piece(packed, index, speed)

    def draw(self, name: str, longest_s: float) -> Item:
        """Return a random example of a source; short clips are often joined."""
        if name == "nothing":
            return Item(audio=self.distort.nothing_said())
        item = Item(
            [self.draw_piece(name)],
            [float(self.rng.uniform(0, 0.3)), float(self.rng.uniform(0, 0.4))],
        )
        while item.seconds < longest_s / 2 and self.rng.random() < 0.45:
            piece = self.draw_piece(name)
            pause = float(self.rng.uniform(0.05, 1.2))
            if item.seconds + piece.seconds + pause > longest_s:
                break
            item.pieces.append(piece)
            item.pauses_s.insert(-1, pause)
        return item

    def sound(self, item: Item) -> np.ndarray:
        """Return the samples of an example before distortion."""
        if item.audio is not None:
            return item.audio
        parts = [self.silence(item.pauses_s[0])]
        for piece, pause_s in zip(item.pieces, item.pauses_s[1:], strict=True):
            clip = piece.packed[piece.index].astype(np.float32) / 32768
            if piece.speed != 1.0:
                clip = change_speed(clip, piece.speed)
            parts += [clip, self.silence(pause_s)]
        return np.concatenate(parts)

    def silence(self, seconds: float) -> np.ndarray:
        """Return near silence."""
        count = int(seconds * SAMPLE_RATE_HZ)
        return self.rng.standard_normal(count, dtype=np.float32) * np.float32(
            10 ** self.rng.uniform(-5, -3)
        )

    def batches(self, seconds: float, longest_s: float = 17.0) -> Iterator[Batch]:
        """Yield batches of at most `seconds` with padding, without end."""
        names = list(self.shares)
        weights = np.array([self.shares[name] for name in names])
        weights /= weights.sum()
        while True:
            items = [self.draw(str(n), longest_s) for n in self.rng.choice(names, POOL, p=weights)]
            items = [i for i in items if SHORTEST_S < i.seconds < 1.2 * longest_s]
            items.sort(key=lambda item: item.seconds)
            groups: list[list[Item]] = [[]]
            for item in items:
                if groups[-1] and (len(groups[-1]) + 1) * item.seconds > seconds:
                    groups.append([])
                groups[-1].append(item)
            for number in self.rng.permutation(len(groups)):
                yield self.load(groups[number])

    @classmethod
    def stream(
        cls,
        seed: int,
        strength: Strength,
        shares: dict[str, float] | None,
        seconds: float,
        workers: int,
    ) -> Iterator[Batch]:
        """Yield batches, made in this process or in `workers` further ones."""
        if not workers:
            yield from cls(seed, strength, shares).batches(seconds)
        context = multiprocessing.get_context("fork")
        queue = context.Queue(maxsize=4 * workers)
        for number in range(workers):
            arguments = (queue, seed + 1000 * number, strength, shares, seconds)
            context.Process(target=_fill, args=arguments, daemon=True).start()
        while True:
            yield queue.get()

    def load(self, items: list[Item]) -> Batch:
        """Return examples as one batch."""
        clean = [self.sound(item) for item in items]
        distorted = [
            clip if item.audio is not None else self.distort(clip)
            for clip, item in zip(clean, items, strict=True)
        ]
        samples = torch.tensor([len(clip) for clip in clean])
        return Batch(
            normalised(clean),
            normalised(distorted),
            samples,
            torch.tensor([frames_of(len(clip)) for clip in clean]),
            [encode_text(item.text) for item in items],
        )


def _fill(
    queue: "multiprocessing.Queue[Batch]",
    seed: int,
    strength: Strength,
    shares: dict[str, float] | None,
    seconds: float,
) -> None:
    """Put batches into a queue without end."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the trainer's handler
    for batch in Corpus(seed, strength, shares).batches(seconds):
        queue.put(batch)

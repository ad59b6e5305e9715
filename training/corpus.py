"""What is trained on: every clip by kind, disturbed anew each time it is read, in batches of like length."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.align import align, state_sequence
from training.augment import (
    add_noise,
    change_speed,
    limit_band,
    nothing_said,
    reverberate,
    tilt,
)
from training.convs import normalise
from training.data import Packed, real_audio, training_utterances
from training.lexicon import real_lexicon
from training.model import SAMPLE_RATE_HZ, encode_text, frames_of
from training.paths import STATE
from training.synth import SHARES, UNKNOWN_PHONE
from training.text import common_words
from training.voices import SILENCE

FRAMES_A_SECOND = 50
LONG_FROM_S = 16.0  # real utterances are hardly longer


@dataclass
class Clip:
    """One training clip: where its audio is, what is said, and what is known of its phones."""

    store: str
    index: int
    frames: int
    letters: list[int]
    engine: str  # whose phone inventory applies
    states: np.ndarray | None = None  # real speech: phones to align
    parts: tuple["Clip", ...] = ()  # what a long clip is joined of


@dataclass
class Batch:
    """Clips of similar length, padded: audio `(batch, samples)`, lengths in frames."""

    audio: Tensor
    lengths: Tensor
    clips: list[Clip]


class SyntheticSet:
    """What one run of `training.synth` left under `stem`; phones renumbered to `inventories`."""

    def __init__(self, stem: str, inventories: dict[str, list[str]] | None = None) -> None:
        table = json.loads((STATE / f"{stem}.json").read_text())
        self.inventories: dict[str, list[str]] = inventories or table["inventories"]
        self.texts: list[str] = table["texts"]
        self.audio = Packed(STATE / stem)
        self._phones = Packed(STATE / f"{stem}-phones")
        self.clips = [
            Clip(stem, i, self._phones.length(i), encode_text(text), engine)
            for i, (text, engine) in enumerate(zip(self.texts, table["engines"], strict=True))
        ]
        self.wide = [SHARES[share].wide for share in table["shares"]]
        self._renumber = {}
        for engine, names in table["inventories"].items():
            new = np.full(256, UNKNOWN_PHONE, np.int64)
            ids = {name: i for i, name in enumerate(self.inventories[engine])}
            new[: len(names)] = [ids.get(name, UNKNOWN_PHONE) for name in names]
            self._renumber[engine] = new

    def phones(self, clip: Clip) -> np.ndarray:
        """Return the phone of each frame of `clip`."""
        return self._renumber[clip.engine][self._phones[clip.index]]


class Corpus:
    """Every training clip by kind, and batches of them."""

    def __init__(
        self, seed: int, synth_noise: float, common: int, stems: list[str], rooms: float = 0.0
    ) -> None:
        known = common_words(common) if common else frozenset()
        first = SyntheticSet(stems[0])
        others = [SyntheticSet(stem, first.inventories) for stem in stems[1:]]
        self.inventories = first.inventories
        self.synthetic = dict(zip(stems, [first, *others], strict=True))
        self.real = real_audio()
        self.rng = random.Random(seed)
        self.synth_noise = synth_noise
        self.rooms = rooms
        self.noise = np.random.default_rng(seed)
        held = int(len(first.clips) * 0.99)
        self.synth_test = [(first.audio[c.index], first.texts[c.index]) for c in first.clips[held:]]
        self.kinds: dict[str, list[Clip]] = {"synth": [], "wide": [], "real": self._real_clips()}
        for synth in self.synthetic.values():
            clips = first.clips[:held] if synth is first else synth.clips
            for clip, wide in zip(clips, synth.wide, strict=False):
                if wide:
                    self.kinds["wide"].append(clip)
                elif not known or known.issuperset(synth.texts[clip.index].split()):
                    self.kinds["synth"].append(clip)
        for kind, clips in self.kinds.items():
            hours = sum(clip.frames for clip in clips) / FRAMES_A_SECOND / 3600
            print(f"{kind}: {len(clips)} clips, {hours:.1f} h", flush=True)

    def _real_clips(self) -> list[Clip]:
        ids = {name: index for index, name in enumerate(self.inventories["flite"])}
        lexicon = real_lexicon()
        clips = []
        for index, item in enumerate(training_utterances()):
            words = [[ids[p] for p in lexicon.get(w, []) if p in ids] for w in item.text.split()]
            states = state_sequence([word for word in words if word], ids[SILENCE])
            frames = frames_of(self.real.length(index))
            letters = encode_text(item.text)
            clips.append(Clip("real", index, frames, letters, "flite", states))
        return clips

    def phone_targets(self, clip: Clip, scores: np.ndarray) -> np.ndarray:
        """Return the phone of each frame (`UNKNOWN_PHONE` where not known)."""
        silence = self.inventories["flite"].index(SILENCE)
        if clip.store == "nothing":
            return np.full(len(scores), silence)
        if clip.states is None:
            return self.synthetic[clip.store].phones(clip)
        return align(scores, clip.states, silence)

    def audio_of(self, clip: Clip) -> np.ndarray:
        """Return the clip's samples, disturbed at random."""
        if clip.store == "nothing":
            return nothing_said(self.noise)
        if clip.parts:
            return self._join([self.audio_of(part) for part in clip.parts])
        real = clip.store == "real"
        source = self.real if real else self.synthetic[clip.store].audio
        audio = source[clip.index].astype(np.float32) / 32768
        if real:
            if self.rng.random() < 0.6:
                audio = change_speed(audio, self.rng.uniform(0.88, 1.12))
            audio = tilt(audio, self.noise)
        if self.rng.random() < self.rooms:
            audio = reverberate(audio, self.noise)
        if self.rng.random() < self.rooms / 2:
            audio = limit_band(audio, self.noise)
        if self.rng.random() < (0.4 if real else self.synth_noise):
            audio = add_noise(audio, self.noise)
        return audio

    def _join(self, audios: list[np.ndarray]) -> np.ndarray:
        """Return `audios` end to end, louder or softer by up to 4 dB, with pauses of up to 0.8 s."""
        pieces = []
        for audio in audios:
            pieces.append(audio * np.float32(10 ** (self.rng.uniform(-4, 4) / 20)))
            pieces.append(np.zeros(int(self.rng.uniform(0, 0.8) * SAMPLE_RATE_HZ), np.float32))
        return np.concatenate(pieces[:-1])

    def load(self, clips: list[Clip]) -> Batch:
        """Return `clips` as one padded batch, at times with one more in which nothing is said."""
        if not clips[0].parts and self.rng.random() < 0.1:
            clips = [*clips, Clip("nothing", 0, 0, [], "flite")]
        audios = [self.audio_of(clip) for clip in clips]
        padded = torch.zeros(len(clips), max(map(len, audios)))
        for row, audio in enumerate(audios):
            padded[row, : len(audio)] = normalise(torch.from_numpy(audio))
        return Batch(padded, torch.tensor([frames_of(len(audio)) for audio in audios]), clips)

    def epochs(self, kind: str, seconds: float) -> Iterator[list[Clip]]:
        """Yield batches of `kind` without end; shuffled, but alike in length within a batch."""
        while True:
            clips = self.kinds[kind][:]
            self.rng.shuffle(clips)
            for start in range(0, len(clips), 600):
                block = sorted(clips[start : start + 600], key=lambda clip: clip.frames)
                batches, current = [], []
                for clip in block:
                    if current and (len(current) + 1) * clip.frames > seconds * FRAMES_A_SECOND:
                        batches.append(current)
                        current = []
                    current.append(clip)
                batches.append(current)
                self.rng.shuffle(batches)
                yield from batches

    def long_clips(self, longest_s: float) -> Iterator[list[Clip]]:
        """Yield, one by one without end, clips of up to `longest_s` joined of others.

        Most are of real utterances; half of those follow one another, which are of one voice mostly.
        Phones are not taught by them.
        """
        space = encode_text(" ")
        while True:
            frames = FRAMES_A_SECOND * LONG_FROM_S * (longest_s / LONG_FROM_S) ** self.rng.random()
            clips = self.kinds["real" if self.rng.random() < 0.8 else "synth"]
            in_order = clips[0].store == "real" and self.rng.random() < 0.5
            at = self.rng.randrange(len(clips))
            parts: list[Clip] = []
            while sum(part.frames for part in parts) < frames:
                parts.append(clips[at % len(clips)])
                at = at + 1 if in_order else self.rng.randrange(len(clips))
            letters = parts[0].letters[:]
            for part in parts[1:]:
                letters += space + part.letters
            length = sum(part.frames for part in parts)
            yield [Clip("joined", 0, length, letters, "", parts=tuple(parts))]

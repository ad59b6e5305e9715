"""Make the synthetic half of the training speech, with the phone spoken in every 20 ms frame.

Two libraries, each with its plain voices (those of the example clips, jittered a little in rate)
and a wide share: accents, voice variants, rates, pitches, and a resampling warp for vocal-tract
length. Phones stay in the inventory of the library that spoke them; the network gets a head for each.

Run `python -m training.synth --hours 14`. Writes `synth.npy` (audio), `synth-phones.npy` (frame
targets, 255 where unknown) and `synth.json` (texts, inventories) under the state folder.
"""

import argparse
import itertools
import json
import multiprocessing
import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import soxr

from training.data import pack
from training.model import FRAME_STRIDE, FRAME_WIDTH, SAMPLE_RATE_HZ, frames_of
from training.paths import STATE
from training.text import training_sentences
from training.voices import Espeak, Flite, Speech

UNKNOWN_PHONE = 255
RARE_PHONE = 100  # a phone met less often is left unknown
SHORTEST_S, LONGEST_S = 0.6, 16.0
ACCENTS = (
    "en", "en-us", "en-us-nyc", "en-029", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
)  # fmt: skip
VARIANTS = """
    f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 Alex Alicia Andrea Andy Annie Denis Diogo Hugo Marco
    Michael Mike Storm adam anika antonio belinda boris caleb david ed edward gustave iven john
    linda max michel pablo paul quincy rob robert shelby steph travis victor zac klatt klatt4
""".split()  # noqa: SIM905


@dataclass(frozen=True)
class Share:
    """A part of the synthetic speech: who speaks, how widely varied, what fraction of the hours."""

    engine: str
    voice: str
    wide: bool
    fraction: float


SHARES = (
    Share("flite", "slt", False, 0.15),
    Share("flite", "rms", False, 0.15),
    Share("flite", "awb", False, 0.12),
    Share("flite", "kal16", False, 0.10),
    Share("espeak", "en-us", False, 0.12),
    Share("espeak", "en", False, 0.12),
    Share("flite", "slt", True, 0.03),
    Share("flite", "rms", True, 0.03),
    Share("flite", "kal16", True, 0.03),
    Share("espeak", "", True, 0.15),
)


def with_pauses(text: str, rng: random.Random) -> str:
    """Return `text` with a comma here and there and a full stop, for the pauses they make."""
    words = text.split()
    return " ".join(w + ("," if rng.random() < 0.07 else "") for w in words[:-1]) + f" {words[-1]}."


class Studio:
    """One process's voices. A pitch given to flite stays set: wide flite needs its own process."""

    def __init__(self) -> None:
        self.flite = Flite()
        self.espeak = Espeak()

    def record(self, share: Share, text: str, rng: random.Random) -> Speech:
        """Speak `text` as `share` asks."""
        spoken = with_pauses(text, rng)
        if share.engine == "flite":
            if not share.wide:
                return self.flite.say(spoken, share.voice, rng.uniform(0.92, 1.08))
            return warp(
                self.flite.say(spoken, share.voice, rng.uniform(0.8, 1.2), rng.uniform(90, 200)),
                rng.uniform(0.88, 1.14),
            )
        if not share.wide:
            return self.espeak.say(spoken, share.voice, rng.randint(145, 175), rng.randint(45, 55))
        voice = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
        speech = self.espeak.say(spoken, voice, rng.randint(125, 200), rng.randint(20, 80))
        return warp(speech, rng.uniform(0.9, 1.12))


def warp(speech: Speech, factor: float) -> Speech:
    """Play `speech` `factor` times as fast, formants and all."""
    audio = soxr.resample(speech.audio, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ)
    return Speech(audio, [(name, end / factor) for name, end in speech.phones])


def phones_of_frames(speech: Speech) -> list[str]:
    """Return the phone at the centre of each frame."""
    count = frames_of(len(speech.audio))
    centres = (np.arange(count) * FRAME_STRIDE + FRAME_WIDTH // 2) / SAMPLE_RATE_HZ
    ends = np.array([end for _, end in speech.phones])
    index = np.minimum(np.searchsorted(ends, centres, side="right"), len(ends) - 1)
    return [speech.phones[i][0] for i in index]


Take = tuple[np.ndarray, list[str], str, int]  # audio, phone of each frame, text, share


def record_share(task: tuple[int, Share, float, int, int]) -> list[Take]:
    """Record sentences until the share's hours are full."""
    index, share, hours, seed, common = task
    rng = random.Random(seed * 1000 + index)
    studio = Studio()
    takes, total_s = [], 0.0
    sentences = itertools.islice(training_sentences(seed, common=common), index, None, len(SHARES))
    for text in sentences:
        speech = studio.record(share, text, rng)
        seconds = len(speech.audio) / SAMPLE_RATE_HZ
        if SHORTEST_S <= seconds <= LONGEST_S and speech.phones:
            takes.append((speech.audio, phones_of_frames(speech), text, index))
            total_s += seconds
        if total_s > hours * 3600:
            break
    print(f"{share}: {len(takes)} sentences, {total_s / 3600:.2f} h", flush=True)
    return takes


def main(hours: dict[int, float], workers: int, seed: int, common: int, stem: str) -> None:
    """Record `hours` of each share (by its place in `SHARES`) and write the packed result."""
    tasks = [(i, SHARES[i], share_hours, seed, common) for i, share_hours in hours.items()]
    takes = []
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, maxtasksperchild=1) as pool:
        for share_takes in pool.imap_unordered(record_share, tasks, chunksize=1):
            takes.extend(share_takes)
    random.Random(seed).shuffle(takes)
    inventories = {}
    for engine in ("flite", "espeak"):
        spoken = [names for _, names, _, share in takes if SHARES[share].engine == engine]
        counts = Counter(itertools.chain.from_iterable(spoken))
        inventories[engine] = sorted(name for name, n in counts.items() if n >= RARE_PHONE)
    ids = {who: {name: i for i, name in enumerate(names)} for who, names in inventories.items()}
    frames = [
        np.array([ids[SHARES[share].engine].get(name, UNKNOWN_PHONE) for name in names], np.uint8)
        for _, names, _, share in takes
    ]
    pack([audio for audio, _, _, _ in takes], STATE / stem)
    pack(frames, STATE / f"{stem}-phones")
    table = {
        "inventories": inventories,
        "texts": [text for _, _, text, _ in takes],
        "engines": [SHARES[share].engine for _, _, _, share in takes],
        "shares": [share for _, _, _, share in takes],
    }
    (STATE / f"{stem}.json").write_text(json.dumps(table))
    print({who: len(names) for who, names in inventories.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=14)
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--common-words", type=int, default=0, help="speak only these many")
    parser.add_argument("--stem", default="synth", help="name of the set in the state folder")
    parser.add_argument(
        "--fractions",
        type=float,
        nargs=len(SHARES),
        default=[share.fraction for share in SHARES],
        help="of the hours, for each share in turn",
    )
    arguments = parser.parse_args()
    wanted = {i: arguments.hours * f for i, f in enumerate(arguments.fractions) if f}
    main(wanted, arguments.workers, arguments.seed, arguments.common_words, arguments.stem)

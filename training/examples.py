"""Write the example clips that the page offers, and their transcripts.

The sentences are the project's own, read by Kokoro. Training leaves out every sentence that shares
four words in a row with any of them, so the error rate on these clips is one of unseen text; the
voices of `weather` and `word` are kept out of training too.

Run `python -m training.examples`.
"""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from training.paths import EXAMPLES

if TYPE_CHECKING:
    from training.synthesis import Kokoro


@dataclass(frozen=True)
class Example:
    """One clip to be: file stem, Kokoro's voice, title and words."""

    stem: str
    voice: str
    title: str
    words: str


PAUSE_S = 0.45  # between sentences

CLIPS = [
    Example(
        "coffee", "af_heart", "A cup of coffee",
        "Good morning! I was about to make some coffee. Would you like a cup?",
    ),
    Example(
        "train", "am_michael", "The last train",
        "The last train leaves the station at half past nine, so please do not be late.",
    ),
    Example(
        "garden", "bf_emma", "My grandmother's garden",
        "My grandmother had a little garden behind her house, and in the summer "
        "it was always full of flowers.",
    ),
    Example(
        "window", "am_puck", "A light in the window",
        "There's a light in that window every night, but nobody has lived there for twenty years.",
    ),
    Example(
        "key", "af_bella", "Lost and found",
        "Please call me when you have a moment. I found your key under the kitchen table.",
    ),
    Example(
        "weather", "bm_lewis", "The weather",
        "It will be cold and dry in the north today, with a little rain before the evening.",
    ),
    Example(
        "word", "af_nova", "One small word",
        "Listen carefully, because one small word can change the meaning of everything.",
    ),
    Example(
        "stones", "bm_george", "The stones, a longer story",
        "When I was a child we lived near the sea. Every evening my father and I walked along "
        "the beach and looked for stones with a hole in them, because he believed that they "
        "brought good luck. I kept them all in a box under my bed. Many years later I opened "
        "that box again. The stones were still there, and so was a letter that I had never seen "
        "before. It was from my father, and this was how it began: if you are reading this, then "
        "you have found your luck at last. I went down to the water that same day, and I did not "
        "come home until it was dark.",
    ),
]  # fmt: skip


def plain(words: str) -> str:
    """Return lower-case words without punctuation, as error rates compare them."""
    return " ".join(re.sub(r"[^a-z' ]+", " ", words.lower()).split())


def example_texts() -> list[str]:
    """Return what is said in every clip."""
    return [plain(clip.words) for clip in CLIPS]


def synthesise(voice: "Kokoro", clip: Example) -> np.ndarray:
    """Return int16 samples of `clip` at 16 kHz; each sentence is read on its own."""
    from training.synthesis import SYNTH_RATE_HZ, to_int16

    pause = np.zeros(int(PAUSE_S * SYNTH_RATE_HZ), np.float32)
    g2p = voice.g2p[clip.voice.startswith("b")]
    parts: list[np.ndarray] = []
    for sentence in re.split(r"(?<=[.!?:]) ", clip.words):
        parts += [voice.say(g2p(sentence), voice.styles[clip.voice], 1.0), pause]
    return to_int16(np.concatenate(parts[:-1]), SYNTH_RATE_HZ)


def main() -> None:
    """Write every clip and `examples.json`."""
    from training.synthesis import Kokoro

    EXAMPLES.mkdir(parents=True, exist_ok=True)
    voice, rows = Kokoro(), []
    for clip in CLIPS:
        audio = synthesise(voice, clip)
        name = f"{clip.stem}.flac"
        soundfile.write(EXAMPLES / name, audio, 16_000, subtype="PCM_16")
        row = {"text": plain(clip.words), "voice": f"kokoro {clip.voice}", "title": clip.title}
        rows.append({"file": name, **row})
        print(f"{name}: {len(audio) / 16_000:.1f} s, {clip.voice}")
    table = json.dumps(rows, indent=2, ensure_ascii=False)
    (EXAMPLES / "examples.json").write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

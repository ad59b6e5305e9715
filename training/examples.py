"""Write the example clips that the page offers, and their transcripts.

The sentences are the project's own. Training leaves out every sentence that shares four words in a
row with any of them, so the error rate on these clips is one of unseen text.

Run `python -m training.examples`.
"""

import json
import re
from dataclasses import dataclass

import numpy as np
import soundfile

from training.paths import EXAMPLES


@dataclass(frozen=True)
class Example:
    """One clip to be: file stem, engine, voice, title and words."""

    stem: str
    engine: str
    voice: str
    title: str
    words: str


VOICE_NAMES = {
    ("flite", "slt"): "flite slt",
    ("flite", "rms"): "flite rms",
    ("flite", "awb"): "flite awb",
    ("flite", "kal16"): "flite kal16",
    ("espeak", "en-us"): "espeak-ng en-us",
    ("espeak", "en"): "espeak-ng en-gb",
}

CLIPS = [
    Example(
        "coffee", "flite", "slt", "A cup of coffee",
        "Good morning! I was about to make some coffee. Would you like a cup?",
    ),
    Example(
        "train", "flite", "rms", "The last train",
        "The last train leaves the station at half past nine, so please do not be late.",
    ),
    Example(
        "garden", "flite", "awb", "My grandmother's garden",
        "My grandmother had a little garden behind her house, and in the summer "
        "it was always full of flowers.",
    ),
    Example(
        "window", "flite", "kal16", "A light in the window",
        "There's a light in that window every night, but nobody has lived there for twenty years.",
    ),
    Example(
        "key", "espeak", "en-us", "Lost and found",
        "Please call me when you have a moment. I found your key under the kitchen table.",
    ),
    Example(
        "weather", "espeak", "en", "The weather",
        "It will be cold and dry in the north today, with a little rain before the evening.",
    ),
    Example(
        "word", "flite", "slt", "One small word",
        "Listen carefully, because one small word can change the meaning of everything.",
    ),
    Example(
        "stones", "flite", "rms", "The stones, a longer story",
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


def synthesise(clip: Example) -> np.ndarray:
    """Return int16 samples of `clip` at 16 kHz."""
    from training.voices import Espeak, Flite

    if clip.engine == "flite":
        return Flite().say(clip.words, clip.voice).audio
    return Espeak().say(clip.words, clip.voice, words_per_minute=160, pitch=50).audio


def main() -> None:
    """Write every clip and `examples.json`."""
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in CLIPS:
        audio = synthesise(clip)
        name = f"{clip.stem}.flac"
        soundfile.write(EXAMPLES / name, audio, 16_000, subtype="PCM_16")
        voice = VOICE_NAMES[clip.engine, clip.voice]
        rows.append({"file": name, "text": plain(clip.words), "voice": voice, "title": clip.title})
        print(f"{name}: {len(audio) / 16_000:.1f} s, {voice}")
    table = json.dumps(rows, indent=2, ensure_ascii=False)
    (EXAMPLES / "examples.json").write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

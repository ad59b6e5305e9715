"""How words are said, by flite's own dictionary and letter-to-sound rules, for real transcripts.

Run `python -m training.lexicon` to write `lexicon.json` under the state folder.
"""

import json

from training.data import training_utterances
from training.paths import STATE
from training.voices import SILENCE, Flite


def pronounce(words: list[str]) -> dict[str, list[str]]:
    """Return each word's phones, spoken alone."""
    flite = Flite()
    said = {}
    for word in words:
        phones = [name for name, _ in flite.say(word, "kal16").phones if name != SILENCE]
        if phones:
            said[word] = phones
    return said


def real_lexicon() -> dict[str, list[str]]:
    """Return phones of every word in the real training text; made once, then read."""
    path = STATE / "lexicon.json"
    if not path.exists():
        words = sorted({word for item in training_utterances() for word in item.text.split()})
        path.write_text(json.dumps(pronounce(words)))
    return json.loads(path.read_text())


if __name__ == "__main__":
    print(f"{len(real_lexicon())} words")

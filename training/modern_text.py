"""Modern English text for the language model: typed conversations and WordNet's examples.

The conversations are the package `chitchat-dataset` (BYU Perception, Control & Cognition Lab, MIT
licence); WordNet 3.0 is Debian's package `wordnet-base` (Princeton University, WordNet licence).
Run `python -m training.modern_text` to fetch the first and count both.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from training.paths import STATE
from training.text import SKIP, plain

CHAT_PACKAGE = "chitchat-dataset==0.9.0"
CHAT_SHA256 = "d2a5d0bf6acf354fef51f3af39cbece2220d3b8f6086b658c3d335105798312a"
CHAT_FILE = STATE / "text" / "chitchat.json"
WORDNET = Path("/usr/share/wordnet")

CONTRACTED = """
i'm don't doesn't didn't can't isn't wasn't aren't weren't couldn't wouldn't shouldn't haven't hasn't
hadn't that's what's there's he's she's you're they're i've you've we've they've you'll they'll
"""
CONTRACTIONS = {word.replace("'", ""): word for word in CONTRACTED.split()}


def download_chat(target: Path = CHAT_FILE) -> Path:
    """Fetch the pinned package and unpack its conversations."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", folder]
        subprocess.run([*command, CHAT_PACKAGE], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as archive:
            data = archive.read("chitchat_dataset/dataset.json")
    digest = hashlib.sha256(data).hexdigest()
    if digest != CHAT_SHA256:
        raise ValueError(f"The conversations' SHA-256 is {digest}; expected {CHAT_SHA256}.")
    target.write_bytes(data)
    return target


def chat_messages() -> Iterator[str]:
    """Yield every message as it was typed."""
    conversations = json.loads(download_chat().read_text(encoding="utf-8"))
    for conversation in conversations.values():
        for turn in conversation["messages"]:
            for message in turn:
                yield " ".join(message["text"].split())


def chat_sentences() -> Iterator[str]:
    """Yield plain sentences of at least two words; contractions get their apostrophe."""
    for message in chat_messages():
        for sentence in re.split(r"(?<=[.!?])\s+", message):
            if SKIP.search(sentence) or "http" in sentence:
                continue
            words = plain(sentence).split()
            if len(words) > 1:
                yield " ".join(CONTRACTIONS.get(word, word) for word in words)


def wordnet_sentences() -> Iterator[str]:
    """Yield WordNet's definitions and example sentences, plain."""
    for name in ("adj", "adv", "noun", "verb"):
        with (WORDNET / f"data.{name}").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                gloss = line.partition("| ")[2]
                for part in re.split(r'[;"]', gloss):
                    text = plain(re.sub(r"\(.*?\)", " ", part))
                    if len(text.split()) > 2 and not SKIP.search(part):
                        yield text


def wordnet_words() -> set[str]:
    """Return all single words of WordNet, lower case."""
    words: set[str] = set()
    for name in ("adj", "adv", "noun", "verb"):
        with (WORDNET / f"index.{name}").open(encoding="utf-8") as file:
            words.update(line.split()[0] for line in file if not line.startswith(" "))
    return {word for word in words if re.fullmatch(r"[a-z]+", word)}


if __name__ == "__main__":
    for source in (chat_sentences, wordnet_sentences):
        lines = list(source())
        print(f"{source.__name__}: {len(lines)} lines, {sum(len(x.split()) for x in lines)} words")

"""The beam's word n-gram: novels, everyday and typed sentences, numbers and names.

Run `python -m training.language_model` with `lmplz`, `build_binary` and `query` on the path; they are
built from the source package of `kenlm` (cmake, Boost's headers) and needed here only. Writes
`lm.bin` (Kneser-Ney, trie, quantised to 8 bits) and `words.txt` (its words, the most frequent first),
and prints the perplexity of held-out text.
"""

import argparse
import collections
import itertools
import lzma
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from training.data import utterances
from training.modern_text import chat_sentences, wordnet_sentences, wordnet_words
from training.paths import NOVELS, REPO
from training.text import SLOTS, everyday_sentences, plain, template_sentences, unseen_sentences

PRUNE = ("0", "1", "1", "4")
"""n-grams with this count or less are dropped, for each order."""
TEMPLATES = 40_000
TEST_SENTENCES = 100
LETTERS = re.compile(r"[a-z']+")


def novel_text() -> Iterator[str]:
    """Yield the novels' sentences."""
    with lzma.open(NOVELS, "rt", encoding="utf-8") as novels:
        for line in novels:
            yield line.rstrip("\n")


def modern_text(repeats: int) -> Iterator[str]:
    """Yield everyday sentences, `repeats` times, conversations, commands and template sentences."""
    sentences = [plain(sentence) for sentence in everyday_sentences()]
    for _ in range(repeats):
        yield from sentences
    yield from chat_sentences()
    for utterance in utterances("commands"):
        yield utterance.text
    for sentence in itertools.islice(template_sentences(seed=5), TEMPLATES):
        yield plain(sentence)


def write_text(target: Path, repeats: int) -> dict[str, collections.Counter[str]]:
    """Write all text, a sentence a line, without held-out sentences; return word counts."""
    kept_out = {plain(s) for s in everyday_sentences(held_out=True)}
    kept_out |= {plain(s) for s in unseen_sentences(TEST_SENTENCES)}
    sources = {
        "novels": novel_text(),
        "modern": modern_text(repeats),
        "wordnet": wordnet_sentences(),
    }
    counts: dict[str, collections.Counter[str]] = {}
    with target.open("w", encoding="utf-8") as file:
        for name, sentences in sources.items():
            counts[name] = collections.Counter()
            for sentence in sentences:
                if sentence not in kept_out:
                    counts[name].update(sentence.split())
                    file.write(sentence + "\n")
    return counts


def vocabulary(counts: dict[str, collections.Counter[str]], size: int) -> list[str]:
    """Return the most frequent words, all common modern words and all names of the templates."""
    total = sum(counts.values(), collections.Counter())
    chosen = {word for word, _ in total.most_common(size)}
    spelled = wordnet_words() | {word for word, count in counts["novels"].items() if count > 9}
    everyday = {word for sentence in everyday_sentences() for word in plain(sentence).split()}
    for word, count in counts["modern"].items():
        if word in everyday or (count > 2 and word in spelled):
            chosen.add(word)
    chosen |= {plain(w) for words in SLOTS.values() for phrase in words for w in phrase.split()}
    chosen = {word for word in chosen if LETTERS.fullmatch(word)}
    return sorted(chosen, key=lambda word: (-total[word], word))


def held_out_texts() -> dict[str, list[str]]:
    """Return text that the language model has not been made from, for its perplexity."""
    return {
        "everyday": [plain(sentence) for sentence in everyday_sentences(held_out=True)],
        "unseen": [plain(sentence) for sentence in unseen_sentences(TEST_SENTENCES)],
        "dev": [utterance.text for utterance in utterances("dev")],
        "commands": [utterance.text for utterance in utterances("commands-dev")],
    }


def report(model: Path) -> None:
    """Print perplexity and unknown words of the held-out texts."""
    for name, lines in held_out_texts().items():
        found = subprocess.run(
            ["query", "-v", "summary", str(model)],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=True,
        )
        numbers = dict(re.findall(r"(.+):\t(\S+)", found.stdout))
        print(name, {key: round(float(value)) for key, value in numbers.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=60_000, help="most frequent words to keep")
    parser.add_argument("--repeats", type=int, default=2, help="how often everyday text counts")
    parser.add_argument("--prune", nargs="+", default=PRUNE, help="one number for each order")
    parser.add_argument("--out", type=Path, default=REPO / "assets" / "lm")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    listing, binary = arguments.out / "words.txt", arguments.out / "lm.bin"
    with tempfile.TemporaryDirectory() as folder:
        text, arpa = Path(folder) / "text", Path(folder) / "lm.arpa"
        words = vocabulary(write_text(text, arguments.repeats), arguments.words)
        listing.write_text("\n".join(words) + "\n", encoding="utf-8")
        command = ["lmplz", "-o", str(len(arguments.prune)), "--prune", *arguments.prune]
        command += ["--limit_vocab_file", str(listing), "-S", "2G", "-T", folder]
        subprocess.run([*command, "--text", str(text), "--arpa", str(arpa)], check=True)
        quantised = ["build_binary", "-q", "8", "-b", "8", "-a", "64", "trie", str(arpa)]
        subprocess.run([*quantised, str(binary)], check=True)
    print(f"{len(words)} words, {binary.stat().st_size / 1e6:.1f} MB")
    report(binary)


if __name__ == "__main__":
    main()

"""The language model of the embedded checkpoint's beam: a pruned word 4-gram over the novels.

Run `python -m training.language_model` with `lmplz` and `build_binary` on the path: they are built
from the source package of `kenlm` (`cmake -DKENLM_MAX_ORDER=4`, Boost's headers) and needed here
only. Writes assets/lm: `lm.bin` (Kneser-Ney 4-gram, trie, quantised to 8 bits) and `words.txt`
(every word it knows, most frequent first; the beam spells them letter by letter).
"""

from __future__ import annotations

import argparse
import collections
import lzma
import subprocess
import tempfile
from pathlib import Path

from training.paths import NOVELS, REPO

PRUNE = ("0", "1", "1", "2")
"""n-grams seen this often or less are dropped, for each order; as many as the model's order."""


def count_words(text: Path) -> collections.Counter[str]:
    counts: collections.Counter[str] = collections.Counter()
    with lzma.open(text, "rt", encoding="utf-8") as sentences:
        for sentence in sentences:
            counts.update(sentence.split())
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=60_000, help="size of the vocabulary")
    parser.add_argument("--prune", nargs="+", default=PRUNE, help="one number for each order")
    parser.add_argument("--text", type=Path, default=NOVELS)
    parser.add_argument("--out", type=Path, default=REPO / "assets" / "lm")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    words = [word for word, _ in count_words(arguments.text).most_common(arguments.words)]
    listing = arguments.out / "words.txt"
    listing.write_text("\n".join(words) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        arpa = Path(folder) / "lm.arpa"
        order, prune = str(len(arguments.prune)), arguments.prune
        command = ["lmplz", "-o", order, "--prune", *prune, "--limit_vocab_file", str(listing)]
        command += ["-S", "2G", "-T", folder, "--arpa", str(arpa)]
        with lzma.open(arguments.text) as text:
            subprocess.run(command, input=text.read(), check=True)
        binary = ["build_binary", "-q", "8", "-b", "8", "-a", "64", "trie", str(arpa)]
        subprocess.run([*binary, str(arguments.out / "lm.bin")], check=True)
    print(f"{len(words)} words, {(arguments.out / 'lm.bin').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

"""Train the model of `training.punctuator` and measure it on held-out text.

Text: everyday sentences and well-typed conversations, a random number of sentences at a time.
Held out: one everyday sentence in 50 (those that the language model has not seen either) and one
conversation in 50. Run `python -m training.punctuation --out FOLDER`.
"""

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.modern_text import chat_messages
from training.paths import STATE
from training.punctuator import BUCKETS, DILATIONS, KERNEL, MARKS, Punctuator, letter_ids
from training.text import SKIP, SLOTS, everyday_sentences, plain, template_sentences

WIDTH, BATCH, WORDS = 96, 64, 16_000
TUNING = 1000  # everyday sentences that only the offsets are tuned on
EITHER = len(MARKS)  # in typed text: nothing, or a comma that was left out

Paragraph = tuple[list[str], list[int]]  # words and the mark behind each
TOKEN = re.compile(r"([A-Za-z][A-Za-z'’]*)([^A-Za-z]*)")


def mark_of(text: str) -> int:
    """Return the index of the mark that the characters behind a word amount to."""
    if "?" in text:
        return 3
    if "." in text or "!" in text:
        return 2
    return 1 if re.search(r"[,;:—–]|--| - ", text) else 0


def tokens(sentence: str) -> list[tuple[str, str, int]]:
    """Return each word as written, as spoken, and the mark behind it."""
    sentence = re.sub(r"\b(Mr|Mrs|Ms|Dr|St)\.", r"\1", sentence)
    found = []
    for written, behind in TOKEN.findall(sentence):
        spoken = plain(written)
        if spoken:
            found.append((written, spoken, mark_of(behind)))
    if found and found[-1][2] < 2:
        found[-1] = (*found[-1][:2], 2)
    return found


def good_message(message: str) -> bool:
    """Return whether a typed message has case and an end as in print."""
    proper = re.match(r"[A-Z].*[a-z].*[.?!]$", message) and not re.search(r"\bi\b|\bim\b", message)
    return bool(proper) and not SKIP.search(message) and len(message) > 20 and "  " not in message


def messages(*, held_out: bool) -> list[str]:
    """Return well-typed messages."""
    good = sorted({message for message in chat_messages() if good_message(message)})
    random.Random(1).shuffle(good)
    cut = len(good) // 50
    return good[:cut] if held_out else good[cut:]


def paragraphs(sentences: list[str], seed: int) -> Iterator[Paragraph]:
    """Yield random paragraphs of one to six sentences, each sentence once."""
    rng = random.Random(seed)
    sentences = sentences[:]
    rng.shuffle(sentences)
    at = 0
    while at < len(sentences):
        count = rng.randint(1, 6)
        found = [token for sentence in sentences[at : at + count] for token in tokens(sentence)]
        at += count
        if found:
            yield [spoken for _, spoken, _ in found], [mark for _, _, mark in found]


class Network(nn.Module):
    """The network of `training.punctuator` in torch, for training."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words + 1, WIDTH)
        self.letters = nn.Embedding(BUCKETS, WIDTH)
        for table in (self.words, self.letters):
            nn.init.normal_(table.weight, std=0.3)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in DILATIONS)
        self.convs = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, KERNEL, dilation=d, padding=d * (KERNEL // 2))
            for d in DILATIONS
        )
        self.mixes = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in DILATIONS)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, len(MARKS))

    def forward(self, ids: Tensor, letters: Tensor, real: Tensor) -> Tensor:
        """Return logits `(batch, words, marks)`; `real` tells words from padding."""
        real = real[:, :, None]
        hidden = (self.words(ids) + self.letters(letters).sum(2)) * real
        hidden = F.dropout(hidden, 0.15, self.training)
        for norm, conv, mix in zip(self.norms, self.convs, self.mixes, strict=True):
            inner = conv((norm(hidden) * real).transpose(1, 2)).relu().transpose(1, 2)
            hidden = hidden + F.dropout(mix(inner), 0.15, self.training) * real
        return self.head(self.norm(hidden))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `Punctuator` reads: int8 embeddings with a scale, the rest in float16."""
        found: dict[str, np.ndarray] = {}
        for name, table in (("words", self.words), ("letters", self.letters)):
            scale = float(table.weight.detach().abs().max()) / 127
            found[name] = (table.weight.detach() / scale).round().to(torch.int8).numpy()
            found[f"{name}_scale"] = np.float32(scale)
        for layer, (norm, conv, mix) in enumerate(
            zip(self.norms, self.convs, self.mixes, strict=True)
        ):
            found[f"gain{layer}"], found[f"shift{layer}"] = norm.weight, norm.bias
            found[f"conv{layer}"], found[f"bias{layer}"] = conv.weight.permute(2, 1, 0), conv.bias
            found[f"mix{layer}"] = mix.weight.T
        found |= {"gain": self.norm.weight, "shift": self.norm.bias}
        found |= {"head": self.head.weight.T, "offset": self.head.bias}
        return {
            name: value.detach().half().numpy() if isinstance(value, Tensor) else value
            for name, value in found.items()
        }


def batches(
    text: list[Paragraph], ids: dict[str, int], seed: int, blur: float = 0.05
) -> Iterator[tuple[Tensor, ...]]:
    """Yield padded word ids, letter ids, marks and which places are words."""
    rng = random.Random(seed)
    text = sorted(text, key=lambda paragraph: len(paragraph[0]) + rng.random())
    groups = [text[at : at + BATCH] for at in range(0, len(text), BATCH)]
    rng.shuffle(groups)
    for group in groups:
        longest = max(len(words) for words, _ in group)
        shape = (len(group), longest)
        numbers, marks = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        letters, real = np.zeros((*shape, 2), np.int64), np.zeros(shape, np.float32)
        for row, (words, behind) in enumerate(group):
            count = len(words)
            numbers[row, :count] = [0 if rng.random() < blur else ids.get(w, 0) for w in words]
            letters[row, :count], marks[row, :count] = letter_ids(words), behind
            real[row, :count] = 1
        yield tuple(map(torch.from_numpy, (numbers, letters, marks, real)))


def with_either(logits: Tensor) -> Tensor:
    """Return log-probabilities of the marks and, last, of "nothing or a comma"."""
    scores = logits.float().log_softmax(-1)
    return torch.cat([scores, scores[..., :2].logsumexp(-1, keepdim=True)], dim=-1)


def without_commas(paragraph: Paragraph) -> Paragraph:
    """Return a typed paragraph: where there is no mark, a comma may have been left out."""
    words, marks = paragraph
    return words, [EITHER if mark == 0 else mark for mark in marks]


def best_offset(network: Network, tests: list[Paragraph], ids: dict[str, int], mark: int) -> float:
    """Return what added to the logit of `mark` gives the best F1 on `tests`."""
    scores, wanted = [], []
    with torch.inference_mode():
        for numbers, letters, marks, real in batches(tests, ids, 0, blur=0.0):
            chosen = real > 0
            scores.append(network(numbers, letters, real)[chosen].float())
            wanted.append(marks[chosen])
    logits, true = torch.cat(scores), torch.cat(wanted) == mark
    best = (0.0, 0.0)
    for offset in np.arange(-1.0, 1.6, 0.1):
        moved = logits.clone()
        moved[:, mark] += float(offset)
        found = moved.argmax(-1) == mark
        score = 2 * int((found & true).sum()) / max(1, int(found.sum() + true.sum()))
        best = max(best, (score, float(offset)))
    return best[1]


def train(
    sources: list[tuple[list[str], int, bool]], words: list[str], epochs: int, seed: int
) -> Network:
    """Return the network, trained on paragraphs that are drawn again for each epoch."""
    torch.manual_seed(seed)
    network = Network(len(words))
    ids = {word: number for number, word in enumerate(words, start=1)}
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    for epoch in range(epochs):
        text = []
        for lines, copies, typed in sources:
            for copy in range(copies):
                drawn = paragraphs(lines, seed + 100 * epoch + copy)
                text += [without_commas(p) for p in drawn] if typed else drawn
        total = count = 0.0
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - epoch / epochs)
        for numbers, letters, marks, real in batches(text, ids, epoch):
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(numbers, letters, real)
            losses = F.nll_loss(
                with_either(logits).flatten(0, 1), marks.flatten(), reduction="none"
            )
            loss = (losses * real.flatten()).sum() / real.sum()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            total, count = (
                total + float(loss.detach()) * float(real.sum()),
                count + float(real.sum()),
            )
        print(f"epoch {epoch}: {total / count:.4f}, {count / 1e6:.2f} million words", flush=True)
    return network.eval()


def names_of(sentences: list[str]) -> dict[str, str]:
    """Return words that are nearly always written with a capital inside a sentence."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        found = tokens(sentence)
        for (written, spoken, _), (_, _, before) in zip(found[1:], found, strict=False):
            if before < 2 and plain(written) == written.lower().replace("’", "'").strip("'"):
                forms[spoken][written] += 1
    names = {}
    for word, seen in forms.items():
        written, count = max(seen.items(), key=lambda item: item[1])
        if count >= 2 and count > 0.75 * seen.total() and written != word and not written.isupper():
            names[word] = written
    for words in SLOTS.values():
        for phrase in words:
            names |= {plain(w): w for w in phrase.split() if w[0].isupper() and plain(w) != "may"}
    return names | {"i": "I", "i'm": "I'm", "i'll": "I'll", "i've": "I've", "i'd": "I'd"}


def f1(tests: list[Paragraph], punctuator: Punctuator) -> dict[str, float]:
    """Return the F1 of each mark (the last word of a text is left out: it always ends)."""
    hits, found, true = (Counter[int]() for _ in range(3))
    for words, marks in tests:
        for got, wanted in list(zip(punctuator.marks(words), marks, strict=True))[:-1]:
            found[got] += 1
            true[wanted] += 1
            hits[got] += got == wanted
    scores = {}
    for index, mark in enumerate(MARKS[1:], start=1):
        scores[mark] = round(2 * hits[index] / max(1, found[index] + true[index]), 3)
    return scores


def questions(tests: list[Paragraph], punctuator: Punctuator) -> float:
    """Return the F1 of question marks over all sentence ends, the last ones included."""
    hits = found = true = 0
    for words, marks in tests:
        for got, wanted in zip(punctuator.marks(words), marks, strict=True):
            found, true, hits = (
                found + (got == 3),
                true + (wanted == 3),
                hits + (got == wanted == 3),
            )
    return round(2 * hits / max(1, found + true), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=STATE / "punctuation")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--chat", type=int, default=60_000, help="messages at most")
    parser.add_argument("--copies", type=int, default=2, help="other paragraphs of the same text")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    everyday, typed = everyday_sentences(), messages(held_out=False)[: arguments.chat]
    made = [s for s, _ in zip(template_sentences(9), range(4000), strict=False)]
    print(f"{len(everyday)} everyday sentences, {len(typed)} typed messages", flush=True)
    counts = Counter(word for s in everyday + typed + made for word in plain(s).split())
    words = [word for word, _ in counts.most_common(WORDS)]
    sources = [(everyday[TUNING:] + made, arguments.copies, False), (typed, 1, True)]
    network = train(sources, words, arguments.epochs, arguments.seed)
    ids = {word: number for number, word in enumerate(words, start=1)}
    tuning = list(paragraphs(everyday[:TUNING], 1))
    for mark in (1, 3):
        offset = best_offset(network, tuning, ids, mark)
        network.head.bias.data[mark] += offset
        print(f"offset of {MARKS[mark]!r}: {offset:.1f}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.out / "marks.npz", **network.arrays())
    names = names_of(everyday + typed)
    table = json.dumps({"words": words, "names": names}, ensure_ascii=False)
    (arguments.out / "words.json").write_text(table + "\n", encoding="utf-8")
    punctuator = Punctuator(arguments.out)
    for name, held_out in (
        ("everyday", everyday_sentences(held_out=True)),
        ("typed", messages(held_out=True)),
    ):
        tests = list(paragraphs(held_out, 1))
        print(
            name, len(tests), f1(tests, punctuator), "all questions", questions(tests, punctuator)
        )
    size = sum(path.stat().st_size for path in arguments.out.iterdir())
    print(f"{size / 1e6:.2f} MB, {len(names)} names")
    print(
        punctuator(
            [
                "hello",
                "i'm",
                "john",
                "how",
                "are",
                "you",
                "today",
                "i'd",
                "like",
                "to",
                "go",
                "to",
                "london",
                "on",
                "monday",
            ]
        )
    )


if __name__ == "__main__":
    main()

"""Train the network of `wav2vec2_app.worker.model.punctuation` and measure it on held-out text.

Run `python -m training.punctuation --out FOLDER`, or with `--measure FOLDER` to measure only.
"""

import argparse
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.language_model import novel_text
from training.paths import STATE
from training.punctuation_scores import report
from training.punctuation_text import (
    Paragraph,
    messages,
    names_of,
    novel_paragraphs,
    paragraphs,
    proper_nouns,
    without_commas,
)
from training.text import everyday_sentences, plain, template_sentences
from training.word_vectors import word_vectors
from wav2vec2_app.worker.model.punctuation import MARK_WEIGHTS, MARK_WORDS, MARKS, letter_ids

WIDTH, BATCH, VOCABULARY, BUCKETS = 96, 64, 16_000, 4096
KERNEL, DILATIONS = 5, (1, 2, 4, 1)
RATE, DECAY, AVERAGED = 2e-3, 0.02, 0.998
DROPOUT, UNKNOWN = 0.15, 0.05  # share of words that are replaced by the unknown word
TUNING = 1000  # everyday sentences that only the offsets are tuned on
MODERN = 40  # a word of modern text counts so many times one of a novel


class Network(nn.Module):
    """The network in torch, for training."""

    def __init__(self, vectors: np.ndarray) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(torch.from_numpy(vectors), freeze=False)
        self.letters = nn.Embedding(BUCKETS, WIDTH)
        nn.init.normal_(self.letters.weight, std=0.1)
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
        hidden = F.dropout(hidden, DROPOUT, self.training)
        for norm, conv, mix in zip(self.norms, self.convs, self.mixes, strict=True):
            inner = conv((norm(hidden) * real).transpose(1, 2)).relu().transpose(1, 2)
            hidden = hidden + F.dropout(mix(inner), DROPOUT, self.training) * real
        return self.head(self.norm(hidden))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `Punctuator` reads: int8 embeddings with a scale, the rest in float16."""
        found: dict[str, np.ndarray] = {"dilations": np.array(DILATIONS, np.int8)}
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


class Numbers:
    """The number of each word and of its letters, looked up once."""

    def __init__(self, words: list[str]) -> None:
        self._ids = {word: number for number, word in enumerate(words, start=1)}
        self._known: dict[str, tuple[int, int, int]] = {}

    def of(self, words: list[str]) -> list[tuple[int, int, int]]:
        """Return word, first letters and last letters of each word."""
        for word in words:
            if word not in self._known:
                first, last = letter_ids([word], BUCKETS)[0].tolist()
                self._known[word] = (self._ids.get(word, 0), first, last)
        return [self._known[word] for word in words]


def batches(
    text: list[Paragraph], numbers: Numbers, seed: int, unknown: float = UNKNOWN
) -> Iterator[tuple[Tensor, ...]]:
    """Yield padded word ids, letter ids, marks and which places are words."""
    rng = random.Random(seed)
    text = sorted(text, key=lambda paragraph: len(paragraph[0]) + rng.random())
    groups = [text[at : at + BATCH] for at in range(0, len(text), BATCH)]
    rng.shuffle(groups)
    draws = np.random.default_rng(seed)
    for group in groups:
        shape = (len(group), max(len(words) for words, _ in group))
        found, marks = np.zeros((*shape, 3), np.int64), np.zeros(shape, np.int64)
        real = np.zeros(shape, np.float32)
        for row, (words, behind) in enumerate(group):
            found[row, : len(words)] = numbers.of(words)
            marks[row, : len(words)] = behind
            real[row, : len(words)] = 1
        ids = np.where(draws.random(shape) < unknown, 0, found[..., 0])
        yield tuple(map(torch.from_numpy, (ids, found[..., 1:], marks, real)))


def with_sums(logits: Tensor) -> Tensor:
    """Return log-probabilities of the marks, of "nothing or a comma", and of "any mark"."""
    scores = logits.float().log_softmax(-1)
    either, some = scores[..., :2], scores[..., 1:]
    return torch.cat([scores, *(part.logsumexp(-1, keepdim=True) for part in (either, some))], -1)


def loss_of(network: Network, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean loss of a word."""
    ids, letters, marks, real = batch
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(ids, letters, real)
    losses = F.nll_loss(with_sums(logits).flatten(0, 1), marks.flatten(), reduction="none")
    return (losses * real.flatten()).sum() / real.sum()


def average(averaged: Network, network: Network, step: int) -> None:
    """Move the averaged weights towards those of `network`."""
    share = 1 - min(AVERAGED, step / (step + 20))
    with torch.no_grad():
        for mean, value in zip(averaged.parameters(), network.parameters(), strict=True):
            mean.lerp_(value, share)


def train(draw: "Text", vectors: np.ndarray, numbers: Numbers, epochs: int, seed: int) -> Network:
    """Return the averaged network, trained on paragraphs that are drawn again for each epoch."""
    torch.manual_seed(seed)
    network, averaged = Network(vectors), Network(vectors.copy())
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    step = 0
    for epoch in range(epochs):
        text, losses = draw.epoch(epoch), []
        count = len(text) // BATCH + 1
        for index, batch in enumerate(batches(text, numbers, epoch)):
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 - (epoch + index / count) / epochs)
            loss = loss_of(network, batch)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            average(averaged, network, step)
            losses.append(float(loss.detach()))
        words = sum(len(one) for one, _ in text)
        print(f"epoch {epoch}: {np.mean(losses):.4f}, {words / 1e6:.2f} million words", flush=True)
    return averaged.eval()


class Text:
    """The training text; each epoch has other paragraphs of it."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.everyday = everyday_sentences()
        self.typed = messages(held_out=False)[: arguments.chat]
        self.made = list(itertools.islice(template_sentences(9), 4000))
        self._seed, self._copies = arguments.seed, arguments.copies
        self._novels = list(novel_paragraphs(arguments.novels * arguments.epochs, arguments.seed))
        self._each = arguments.novels

    def words(self) -> list[str]:
        """Return the most frequent words."""
        counts = Counter[str]()
        for line in novel_text():
            counts.update(line.split())
        for sentence in self.everyday + self.typed + self.made:
            for word in plain(sentence).split():
                counts[word] += MODERN
        return [word for word, _ in counts.most_common(VOCABULARY)]

    def lines(self) -> Iterator[str]:
        """Yield every line in plain words."""
        yield from novel_text()
        yield from map(plain, self.everyday + self.typed + self.made)

    def epoch(self, number: int) -> list[Paragraph]:
        """Return the paragraphs of an epoch."""
        text = self._novels[number * self._each : (number + 1) * self._each]
        for copy in range(self._copies):
            seed = self._seed + 100 * number + copy
            text += paragraphs(self.everyday[TUNING:] + self.made, seed)
        drawn = paragraphs(self.typed, self._seed + 100 * number)
        return [*text, *map(without_commas, drawn)]


def tune(network: Network, tests: list[Paragraph], numbers: Numbers) -> None:
    """Add to the biases of comma and question mark what gives the best F1 on `tests`."""
    scores, wanted = [], []
    with torch.inference_mode():
        for ids, letters, marks, real in batches(tests, numbers, 0, unknown=0.0):
            chosen = real > 0
            scores.append(network(ids, letters, real)[chosen].float())
            wanted.append(marks[chosen])
    logits, true = torch.cat(scores), torch.cat(wanted)
    for mark in (1, 3, 2):
        best = (0.0, 0.0)
        for offset in np.arange(-1.0, 1.6, 0.1):
            moved = logits.clone()
            moved[:, mark] += float(offset)
            found, right = moved.argmax(-1) == mark, true == mark
            score = 2 * int((found & right).sum()) / max(1, int(found.sum() + right.sum()))
            best = max(best, (score, float(offset)))
        logits[:, mark] += best[1]
        network.head.bias.data[mark] += best[1]
        print(f"offset of {MARKS[mark]!r}: {best[1]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=STATE / "punctuation")
    parser.add_argument("--measure", type=Path, help="measure this folder, train nothing")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--chat", type=int, default=60_000, help="messages at most")
    parser.add_argument("--copies", type=int, default=2, help="other paragraphs of the same text")
    parser.add_argument("--novels", type=int, default=12_000, help="paragraphs of each epoch")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.measure is not None:
        report(arguments.measure)
        return
    text = Text(arguments)
    print(f"{len(text.everyday)} everyday sentences, {len(text.typed)} messages", flush=True)
    words = text.words()
    numbers = Numbers(words)
    vectors = word_vectors(text.lines(), words, WIDTH, std=0.3)
    print("word vectors are made", flush=True)
    network = train(text, vectors, numbers, arguments.epochs, arguments.seed)
    tune(network, list(paragraphs(text.everyday[:TUNING], 1)), numbers)
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.out / MARK_WEIGHTS, **network.arrays())
    names = names_of(text.everyday + text.typed, proper_nouns())
    table = json.dumps({"words": words, "names": names}, ensure_ascii=False)
    (arguments.out / MARK_WORDS).write_text(table + "\n", encoding="utf-8")
    report(arguments.out)


if __name__ == "__main__":
    main()

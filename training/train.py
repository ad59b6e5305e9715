"""Train projection and transformer over the convolutions: phones first, letters by CTC on top.

Three losses. Synthetic speech has the phone of every frame: cross-entropy at a tap inside the
transformer, one head for each synthesiser's inventory. Real speech has a transcript: its phones
(flite's dictionary) are aligned to frames by Viterbi with the network's own scores, step by step,
and trained the same way. Letters are trained by CTC at the output for all speech. The schedule is
in time, so that the learning rate always reaches its end: the decay is where much of a run's gain
comes from. The convolutions stand still, or until `--convs-from` of the time, and then learn at
`--convs-lr`.

Run `python -m training.train --hours 1.2`. `--resume` goes on from the state folder after a stop;
`--from-weights` starts from the committed checkpoint in `assets/model`.
"""

import argparse
import copy
import os
import random
import signal
import time

import jiwer
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForCTC

from training import convs, encoder
from training.convs import normalise
from training.corpus import FRAMES_A_SECOND, Batch, Corpus
from training.data import held_out_utterances, read_audio
from training.examples import CLIPS, plain
from training.machine import IdleCores
from training.model import BLANK, SAMPLE_RATE_HZ, build_model, decode_greedy
from training.optim import Optimisers, schedule
from training.paths import EXAMPLES, MODEL, STATE
from training.synth import UNKNOWN_PHONE

CHECKPOINT = STATE / "train.pt"
AVERAGE_EVERY, AVERAGE_DECAY = 5, 0.97
LONGEST_STEP_S = 60.0  # what a step counts at most: a paused run loses no more of its time


def mask_time(features: Tensor, share: float, span: int = 8) -> Tensor:
    """Blot out random spans of frames, about `share` of them."""
    starts = torch.rand(features.shape[:2]) < share / span
    covered = F.max_pool1d(F.pad(starts.float(), (span - 1, 0)), span, stride=1) > 0
    return features.masked_fill(covered[:, :, None].to(features.device), 0.0)


def mask_channels(features: Tensor, share: float) -> Tensor:
    """Blot out about `share` of the channels, drawn for each clip."""
    silent = torch.rand(features.shape[0], 1, features.shape[2]) < share
    return features.masked_fill(silent.to(features.device), 0.0)


class Learner(nn.Module):
    """The network and its phone heads, which are dropped at export."""

    def __init__(self, inventories: dict[str, list[str]], seed: int) -> None:
        super().__init__()
        self.model = build_model(seed)
        self.inventories = inventories
        width = self.model.config.hidden_size
        self.norm = nn.LayerNorm(width)
        heads = {engine: nn.Linear(width, len(phones)) for engine, phones in inventories.items()}
        self.heads = nn.ModuleDict(heads)

    def begin(self, *, from_weights: bool) -> None:
        """Take over the committed checkpoint, or the convolutions that `pretrain_convs` taught."""
        if from_weights:
            weights = Wav2Vec2ForCTC.from_pretrained(MODEL, dtype=torch.float32)
            self.model.load_state_dict(weights.state_dict())
        else:
            taught = torch.load(STATE / "convs.pt", map_location="cpu")["encoder"]
            self.model.wav2vec2.feature_extractor.load_state_dict(taught)

    def trained(self) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
        """Return matrices for Muon, the convolutions' parameters (still for now), and the others."""
        slow = [*self.model.wav2vec2.feature_extractor.parameters()]
        self.model.wav2vec2.feature_extractor.requires_grad_(False)
        inside = [*self.model.wav2vec2.encoder.layers.parameters()]
        inside += [*self.model.wav2vec2.feature_projection.projection.parameters()]
        matrices = [p for p in inside if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.parameters() if p.requires_grad and id(p) not in chosen]
        return matrices, slow, others

    def hear(self, audio: Tensor) -> Tensor:
        """Return the convolutions' `(batch, frames, channels)` of normalised audio."""
        return convs.encode(self.model.wav2vec2.feature_extractor, audio)

    def losses(
        self, corpus: Corpus, batch: Batch, device: str, options: argparse.Namespace
    ) -> tuple[Tensor, Tensor]:
        """Return CTC loss a letter and phone cross-entropy a frame."""
        features = mask_time(self.hear(batch.audio.to(device)), options.mask)
        features = mask_channels(features, options.mask_channels)
        tap, logits = encoder.run(self.model, features, batch.lengths.to(device), options.dropout)
        targets = [torch.tensor(clip.letters, dtype=torch.long) for clip in batch.clips]
        sizes = torch.tensor([len(t) for t in targets])
        nats = F.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            torch.cat(targets).to(device),
            batch.lengths.to(device),
            sizes.to(device),
            blank=BLANK,
            reduction="none",
            zero_infinity=True,
        )
        letters = nats.sum() / max(1, int(sizes.sum()))
        return letters, self._phone_loss(corpus, batch, tap)

    def _phone_loss(self, corpus: Corpus, batch: Batch, tap: Tensor) -> Tensor:
        tap = encoder.cast_norm(tap, self.norm)
        total, frames = torch.zeros((), device=tap.device), 0
        for engine, head in self.heads.items():
            rows = [i for i, clip in enumerate(batch.clips) if clip.engine == engine]
            if not rows:
                continue
            logits = encoder.cast_linear(tap[rows], head).float()
            scores = logits.detach().log_softmax(-1).cpu().numpy()
            targets = torch.full(logits.shape[:2], UNKNOWN_PHONE, dtype=torch.long)
            for at, row in enumerate(rows):
                clip = batch.clips[row]
                known = corpus.phone_targets(clip, scores[at, : batch.lengths[row]])
                targets[at, : len(known)] = torch.from_numpy(known)
            targets = targets.to(tap.device)
            total = total + F.cross_entropy(
                logits.flatten(0, 1),
                targets.flatten(),
                ignore_index=UNKNOWN_PHONE,
                reduction="sum",
            )
            frames += int((targets != UNKNOWN_PHONE).sum())
        return total / max(1, frames)


class Average:
    """An exponential average of the trained weights."""

    def __init__(self, params: list[nn.Parameter]) -> None:
        self.params = params
        self.values = [p.detach().clone() for p in params]

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the current weights."""
        torch._foreach_lerp_(self.values, [p.detach() for p in self.params], 1 - AVERAGE_DECAY)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange averaged and current weights."""
        for value, param in zip(self.values, self.params, strict=True):
            kept = param.detach().clone()
            param.copy_(value)
            value.copy_(kept)


@torch.no_grad()
def read(learner: Learner, audios: list[np.ndarray], device: str) -> list[str]:
    """Return the greedy reading of each clip (int16 samples)."""
    texts = []
    for audio in audios:
        wave = normalise(torch.from_numpy(audio.astype(np.float32) / 32768)).to(device)
        hidden = learner.hear(wave[None])
        spans = torch.tensor([hidden.shape[1]], device=device)
        _, logits = encoder.run(learner.model, hidden, spans)
        texts.append(decode_greedy(logits[0].argmax(-1).tolist()))
    return texts


def joined(clips: list[tuple[np.ndarray, str]], least_s: float) -> list[tuple[np.ndarray, str]]:
    """Return `clips` end to end in recordings of at least `least_s`."""
    recordings, parts = [], []
    for clip in clips:
        parts.append(clip)
        if sum(len(audio) for audio, _ in parts) >= least_s * SAMPLE_RATE_HZ:
            audio = np.concatenate([audio for audio, _ in parts])
            recordings.append((audio, " ".join(text for _, text in parts)))
            parts = []
    return recordings


class Report:
    """Error rates of held-out speakers, unseen synthetic sentences, the example clips and long audio."""

    def __init__(self, corpus: Corpus) -> None:
        held_out = held_out_utterances()[::2]
        self.sets = {
            "heldout": [(read_audio(item.path), item.text) for item in held_out],
            "synth": corpus.synth_test[:60],
            "examples": [
                (read_audio(EXAMPLES / f"{clip.stem}.flac"), plain(clip.words)) for clip in CLIPS
            ],
        }
        self.sets["long"] = joined(self.sets["heldout"], 120)

    def __call__(self, learner: Learner, device: str) -> None:
        """Print them."""
        parts = []
        for name, clips in self.sets.items():
            texts = [text for _, text in clips]
            got = read(learner, [audio for audio, _ in clips], device)
            parts.append(f"{name} wer {jiwer.wer(texts, got):.3f} cer {jiwer.cer(texts, got):.3f}")
            print(f"   {texts[1][:110]}\n   {got[1][:110]}")
        print("   " + " | ".join(parts), flush=True)


def kind_of(progress: float, options: argparse.Namespace, rng: random.Random) -> str:
    """Draw what the next batch is of, by the shares of long, real and widely varied speech."""
    drawn = rng.random()
    for kind, share in (("long", options.long_share), ("wide", options.wide_share)):
        if drawn < share:
            return kind
        drawn -= share
    early = progress <= 0.06  # aligning needs phones, however roughly
    return "real" if drawn < options.real_share and not early else "synth"


def train(options: argparse.Namespace) -> None:
    """Train until the time is up; leave everything in `CHECKPOINT`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rng = random.Random(options.seed)
    corpus = Corpus(
        options.seed, options.synth_noise, options.common_words, options.synth, options.rooms
    )
    learner = Learner(corpus.inventories, options.seed)
    if not options.resume:
        learner.begin(from_weights=options.from_weights)
    learner.to(device)
    matrices, slow, others = learner.trained()
    optimiser = Optimisers(
        matrices, others, options.muon_lr, options.adamw_lr, 0.01, slow, options.convs_lr
    )
    average = Average([*matrices, *others, *slow])
    used_s, step, heard_s = 0.0, 0, 0.0
    if options.resume:
        state = torch.load(CHECKPOINT, map_location=device)
        learner.load_state_dict(state["learner"])
        optimiser.load_state_dict(state["optimiser"])
        average.values = state["average"]
        used_s, step, heard_s = state["used_s"], state["step"], state["heard_s"]
    report = Report(corpus)
    batches = {kind: corpus.epochs(kind, options.batch_s) for kind in corpus.kinds}
    batches["long"] = corpus.long_clips(options.long_s)
    short_first = not options.from_weights and not options.resume
    stopping: list[int] = []
    idle = IdleCores() if options.share_cores else None
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    (STATE / "train.pid").write_text(str(os.getpid()))

    def save() -> None:
        state = {
            "learner": learner.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.values,
            "used_s": used_s,
            "step": step,
            "heard_s": heard_s,
        }
        torch.save(state, CHECKPOINT.with_suffix(".new"))
        CHECKPOINT.with_suffix(".new").replace(CHECKPOINT)
        average.swap()
        copy.deepcopy(learner.model).half().save_pretrained(STATE / "averaged")
        average.swap()

    recent: dict[str, list[float]] = {}
    clock, last_report = time.monotonic(), used_s
    while used_s < options.hours * 3600 and not stopping:
        progress = used_s / options.hours / 3600
        kind = kind_of(progress, options, rng)
        longest = (3 + 60 * progress) * FRAMES_A_SECOND  # seconds allowed grow with progress
        clips = next(batches[kind])
        while short_first and clips[-1].frames > longest:
            clips = next(batches[kind])
        batch = corpus.load(clips)
        if options.convs_lr and progress >= options.convs_from:
            learner.model.wav2vec2.feature_extractor.requires_grad_(True)
        letters, phones = learner.losses(corpus, batch, device, options)
        (letters + options.phone_weight * phones).backward()
        optimiser.step(schedule(progress, hold=options.hold), clip=options.clip)
        step += 1
        threads = idle.adapt() if idle else torch.get_num_threads()
        heard_s += float(batch.lengths.sum()) / FRAMES_A_SECOND
        if step % AVERAGE_EVERY == 0:
            average.update()
        recent.setdefault(f"{kind} ctc", []).append(letters.item())
        recent.setdefault(f"{kind} phone", []).append(phones.item())
        now = time.monotonic()
        used_s, clock = used_s + min(now - clock, LONGEST_STEP_S), now
        if step % 50 == 0:
            line = " ".join(f"{name} {np.mean(values):.3f}" for name, values in recent.items())
            heard = f"{heard_s / 3600:.2f} h heard"
            print(
                f"{used_s / 60:.1f} min step {step} {heard}, {threads} threads: {line}", flush=True
            )
            recent = {}
        if used_s - last_report > options.report_minutes * 60:
            average.swap()
            report(learner, device)
            average.swap()
            save()
            last_report = used_s
    save()
    average.swap()
    report(learner, device)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.2, help="of wall-clock time, in all")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--from-weights", action="store_true")
    parser.add_argument("--batch-s", type=float, default=40, help="seconds of audio a step")
    parser.add_argument("--real-share", type=float, default=0.4, help="of the batches")
    parser.add_argument("--wide-share", type=float, default=0.15, help="of the batches")
    parser.add_argument("--long-share", type=float, default=0.0, help="of the batches")
    parser.add_argument("--long-s", type=float, default=120, help="seconds of the longest clip")
    parser.add_argument("--phone-weight", type=float, default=1.0)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adamw-lr", type=float, default=2e-3)
    parser.add_argument("--hold", type=float, default=0.4, help="progress at which the rate falls")
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--mask", type=float, default=0.06, help="share of frames blotted out")
    parser.add_argument("--mask-channels", type=float, default=0.0, help="share blotted out")
    parser.add_argument("--convs-lr", type=float, default=0.0, help="0: they never learn")
    parser.add_argument("--convs-from", type=float, default=0.4, help="progress at which they do")
    parser.add_argument(
        "--rooms",
        type=float,
        default=0.0,
        help="share of clips with echo; half as many narrow-band",
    )
    parser.add_argument("--synth-noise", type=float, default=0.25, help="share of clips")
    parser.add_argument(
        "--common-words",
        type=int,
        default=0,
        help="plain synthetic speech: only sentences of this many commonest words (0: all)",
    )
    parser.add_argument("--synth", nargs="+", default=["synth"], help="sets, the tested one first")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--report-minutes", type=float, default=6)
    parser.add_argument("--share-cores", action="store_true", help="leave busy cores alone")
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())

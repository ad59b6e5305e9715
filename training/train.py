"""Train the recogniser end to end by CTC, from Whisper's transformer and the taught front.

The transformer starts with Whisper base's weights, the convolutions with those of
`training.front`. Whisper's absolute positions fade out in the first part of the run while the
positional convolution learns to replace them. A second loss keeps the front's features close to
Whisper's. The result is a standard `Wav2Vec2ForCTC`.

Run `python -m training.train --hours 2`; it resumes from its checkpoint. `--start NAME` begins a
further run with the averaged weights of another one.
"""

import argparse
import copy
import json
import time

import jiwer
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForCTC

from training.augment import Strength
from training.clock import Clock, save, schedule
from training.corpus import Batch, Corpus
from training.data import packed_set
from training.front import CHECKPOINT as FRONT
from training.model import BLANK, build_model, copy_whisper, decode_greedy, frames_of
from training.network import Body, fast_type, normalise, raw_front
from training.paths import STATE
from training.teacher import WhisperFront, download, read_arrays

CURVE = STATE / "curve.jsonl"
AVERAGE_EVERY = 5  # steps between updates of the averaged weights
EVALUATE_EVERY_S = 600.0


def ctc(logits: Tensor, batch: Batch) -> Tensor:
    """Return the CTC loss a letter."""
    sizes = torch.tensor([len(letters) for letters in batch.letters])
    targets = torch.tensor([letter for letters in batch.letters for letter in letters])
    nats = F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        targets.to(logits.device),
        batch.frames.to(logits.device),
        sizes.to(logits.device),
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return nats.sum() / max(1, int(sizes.sum()))


def mask_time(features: Tensor, share: float, span: int = 10) -> Tensor:
    """Set random spans of frames to zero, about `share` of all."""
    starts = torch.rand(features.shape[:2]) < share / span
    covered = F.max_pool1d(F.pad(starts.float(), (span - 1, 0)), span, stride=1) > 0
    return features.masked_fill(covered[:, :, None].to(features.device), 0.0)


def losses(
    model: Wav2Vec2ForCTC,
    whisper: WhisperFront,
    batch: Batch,
    options: argparse.Namespace,
    absolute: float,
) -> dict[str, Tensor]:
    """Return the losses of one batch; `absolute` scales Whisper's absolute positions."""
    frames = int(batch.frames.max())
    device = batch.distorted.device
    features = raw_front(model, batch.distorted)[:, :frames]
    found = {}
    if options.front:
        real = (torch.arange(frames) < batch.frames[:, None]).to(device)
        mel = whisper.aligned_mel(batch.distorted, batch.samples.to(device))
        target = whisper.features(mel, frames, fast_type(device.type))[real].float()
        error = (features[real].float() - target).square().mean()
        found["front"] = error / target.var(0).mean().clamp_min(0.02)
    masked = mask_time(features, options.mask)
    logits = Body(model)(masked, batch.frames.to(device), absolute, options.dropout)
    found["ctc"] = ctc(logits, batch)
    return found


def groups(model: Wav2Vec2ForCTC, options: argparse.Namespace) -> list[dict]:
    """Return the optimiser's groups: lower layers learn more slowly, fresh parts faster."""
    encoder = model.wav2vec2.encoder
    depth = len(encoder.layers)
    found = [
        {"params": [*layer.parameters()], "lr": options.lr * options.layer_decay ** (depth - 1 - i)}
        for i, layer in enumerate(encoder.layers)
    ]
    found.append({"params": [*encoder.layer_norm.parameters()], "lr": options.lr})
    fresh = options.fresh_lr
    found.append({"params": [*model.lm_head.parameters()], "lr": fresh, "head": True})
    found.append({"params": [*encoder.pos_conv_embed.parameters()], "lr": fresh})
    ends = [model.wav2vec2.feature_extractor, model.wav2vec2.feature_projection]
    found.append(
        {"params": [p for part in ends for p in part.parameters()], "lr": options.front_lr}
    )
    for group in found:
        group["base"] = group["lr"]
        group.setdefault("head", False)
    return found


@torch.inference_mode()
def transcripts(model: Wav2Vec2ForCTC, name: str) -> tuple[list[str], list[str]]:
    """Return texts and greedy transcripts of a set; each clip by itself, unpadded."""
    packed = packed_set(name)
    device = next(model.parameters()).device
    found = []
    for index in range(len(packed)):
        audio = normalise(torch.from_numpy(packed[index].astype("float32") / 32768))[None]
        frames = torch.tensor([frames_of(audio.shape[1])], device=device)
        logits = Body(model)(raw_front(model, audio.to(device)), frames)
        found.append(decode_greedy(logits[0].argmax(-1).tolist()))
    return packed.texts, found


class Trainer:
    """The network, its optimiser, averaged weights and clock."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.path = STATE / f"{options.run}.pt"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        arrays = read_arrays(download())
        self.model = build_model(options.seed)
        self.whisper = WhisperFront(arrays).to(self.device)
        self.heard_s, self.step, spent_s = 0.0, 0, 0.0
        state = torch.load(self.path, map_location="cpu") if self.path.exists() else None
        if state:
            self.model.load_state_dict(state["model"])
            self.heard_s, self.step, spent_s = state["heard_s"], state["step"], state["spent_s"]
        elif options.start:
            start = torch.load(STATE / f"{options.start}.pt", map_location="cpu")
            self.model.load_state_dict(start["averaged"])
        else:
            self.model.load_state_dict(torch.load(FRONT, map_location="cpu")["model"])
            copy_whisper(self.model, arrays)
        self.model.to(self.device)
        self.averaged = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            groups(self.model, options), betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        if state:
            self.averaged.load_state_dict(state["averaged"])
            self.optimiser.load_state_dict(state["optimiser"])
            for group, now in zip(
                self.optimiser.param_groups, groups(self.model, options), strict=True
            ):
                group["base"] = now["base"]  # the rates of this command line
        self.trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.clock = Clock(options.hours, spent_s)
        self.evaluated = time.monotonic()

    def absolute(self) -> float:
        """Return how much of the absolute positions is left."""
        if self.options.start:
            return 0.0
        return min(1.0, max(0.0, 1 - self.clock.spent_s / 60 / self.options.fade))

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        """Take one step; return the losses."""
        found = losses(self.model, self.whisper, batch, self.options, self.absolute())
        (found["ctc"] + self.options.front * found.get("front", 0.0)).backward()
        gradient = nn.utils.clip_grad_norm_(self.trained, 1.0)
        rate = schedule(progress, self.options.hold, warmup=0.01, floor=self.options.floor)
        grown = min(1.0, self.clock.spent_s / 60 / self.options.head_minutes)
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * rate * (1.0 if group["head"] else grown)
        if torch.isfinite(gradient):
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.heard_s += batch.seconds
        if self.step % AVERAGE_EVERY == 0:
            self.average()
        return {name: float(loss.detach()) for name, loss in found.items()} | {
            "norm": float(gradient)
        }

    @torch.no_grad()
    def average(self) -> None:
        """Move the averaged weights towards the present ones, slowly later in the run."""
        share = max(self.options.average, min(1.0, 8 * AVERAGE_EVERY / self.step))
        pairs = zip(self.averaged.parameters(), self.model.parameters(), strict=True)
        for mean, value in pairs:
            mean.lerp_(value, share)

    def save(self) -> None:
        save(
            {
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "spent_s": self.clock.spent_s,
                "heard_s": self.heard_s,
                "step": self.step,
            },
            self.path,
        )

    def evaluate(self) -> None:
        """Print and log the averaged weights' greedy error rates on the tuning sets."""
        row: dict[str, float | str] = {
            "run": self.options.run,
            "minutes": round(self.clock.spent_s / 60, 1),
            "heard_h": round(self.heard_s / 3600, 2),
        }
        for name in ("dev", "commands-dev"):
            texts, found = transcripts(self.averaged, name)
            row[f"{name} wer"] = round(jiwer.wer(texts, found), 4)
            row[f"{name} cer"] = round(jiwer.cer(texts, found), 4)
        print(row, flush=True)
        with CURVE.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def run(self) -> None:
        """Train until the time is up."""
        corpus = Corpus(self.options.seed + self.step, Strength())
        means: dict[str, float] = {}
        for batch in corpus.batches(self.options.seconds):
            batch.distorted, batch.clean = (
                batch.distorted.to(self.device),
                batch.clean.to(self.device),
            )
            for name, value in self.learn(batch, self.clock.tick()).items():
                means[name] = 0.98 * means.get(name, value) + 0.02 * value
            if self.step % 25 == 0:
                spoken = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
                print(
                    f"{self.clock.spent_s / 60:.1f} min, step {self.step}, "
                    f"{self.heard_s / 3600:.2f} h, {spoken}",
                    flush=True,
                )
            if self.clock.save_due():
                self.save()
            if self.clock.done or time.monotonic() - self.evaluated > EVALUATE_EVERY_S:
                self.evaluate()
                self.evaluated = time.monotonic()
                self.clock.restart()
            if self.clock.done:
                return


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="student", help="name of the checkpoint")
    parser.add_argument("--start", default="", help="run whose weights this one begins with")
    parser.add_argument("--fade", type=float, default=15.0, help="minutes of absolute positions")
    parser.add_argument("--hours", type=float, default=1.0, help="of training, restarts included")
    parser.add_argument("--seconds", type=float, default=40.0, help="audio in a batch")
    parser.add_argument("--lr", type=float, default=2e-4, help="highest layer's rate")
    parser.add_argument(
        "--layer-decay", type=float, default=0.9, help="of the rate, layer by layer"
    )
    parser.add_argument("--fresh-lr", type=float, default=1e-3, help="rate of head and positions")
    parser.add_argument(
        "--head-minutes", type=float, default=4.0, help="the other rates grow for so long"
    )
    parser.add_argument("--front-lr", type=float, default=2e-4, help="rate of the raw-audio front")
    parser.add_argument("--hold", type=float, default=0.4, help="when the rate starts to fall")
    parser.add_argument("--floor", type=float, default=0.02, help="the rate's last scale")
    parser.add_argument(
        "--average", type=float, default=0.01, help="averaged weights: share of new"
    )
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--mask", type=float, default=0.06, help="share of frames set to zero")
    parser.add_argument("--front", type=float, default=1.0, help="weight of the front's features")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    Trainer(parse()).run()

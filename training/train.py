"""Train the recogniser by CTC in two stages.

`body`: Whisper's transformer, with its absolute positions, learns letters over Whisper's own frozen
front. This is cheaper than the second stage, and hearing is already there.

`student`: the transformer on top of the convolutions over raw audio that `training.front` has taught
to give the same features; everything learns end to end. A second loss keeps the features close to
Whisper's.

Run `python -m training.train body --hours 3`, then `student --hours 20`. Hours are of audio; each
stage resumes from its checkpoint. `--run` and `--start` begin a further student run with the averaged
weights of another one.
"""

import argparse
import copy
import json
import time
from dataclasses import dataclass

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
from training.model import (
    BLANK,
    build_model,
    copy_whisper,
    decode_greedy,
    frames_of,
)
from training.network import Body, fast_type, normalise, raw_front
from training.paths import STATE
from training.teacher import WhisperFront, load_arrays

CURVE = STATE / "curve.jsonl"
AVERAGE_EVERY = 5  # steps between updates of the averaged weights
EVALUATE_EVERY_S = 900.0
STRENGTH = {
    "body": Strength(0.15, 0.4, 0.12, 0.04, 0.1, 0.35, 0.02, lowest_snr_db=6),
    "student": Strength(0.25, 0.5, 0.15, 0.06, 0.12, 0.45, 0.03, lowest_snr_db=4),
}
SHARES = {
    "body": {"real": 0.6, "kokoro": 0.25, "hibari": 0.08, "commands": 0.04, "nothing": 0.03},
    "student": None,
}


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


def mask_mel(mel: Tensor, bands: int = 14) -> Tensor:
    """Fill up to two random ranges of mel bands of each clip with the clip's mean."""
    axis = torch.arange(mel.shape[1])
    masked = torch.zeros(mel.shape[:2], dtype=torch.bool)
    for _ in range(2):
        width = (torch.rand(len(mel)) * bands).long()[:, None]
        start = (torch.rand(len(mel)) * (mel.shape[1] - bands)).long()[:, None]
        masked |= (axis >= start) & (axis < start + width)
    mean = mel.mean(dim=(1, 2), keepdim=True).expand_as(mel)
    return torch.where(masked[:, :, None].to(mel.device), mean, mel)


def mask_time(features: Tensor, share: float, span: int = 10) -> Tensor:
    """Set random spans of frames to zero, about `share` of all."""
    starts = torch.rand(features.shape[:2]) < share / span
    covered = F.max_pool1d(F.pad(starts.float(), (span - 1, 0)), span, stride=1) > 0
    return features.masked_fill(covered[:, :, None].to(features.device), 0.0)


@dataclass
class Networks:
    """The network being trained and Whisper's front."""

    model: Wav2Vec2ForCTC
    whisper: WhisperFront

    def whisper_features(self, audio: Tensor, batch: Batch, *, mask: bool = False) -> Tensor:
        """Return the frozen front's features of normalised audio on the student's grid."""
        mel = self.whisper.aligned_mel(audio, batch.samples.to(audio.device))
        mel = mask_mel(mel) if mask else mel
        return self.whisper.features(mel, int(batch.frames.max()), fast_type(audio.device.type))


def body_losses(networks: Networks, batch: Batch, options: argparse.Namespace) -> dict[str, Tensor]:
    """Return the loss of the stage `body`."""
    features = networks.whisper_features(batch.distorted, batch, mask=True)
    logits = Body(networks.model)(
        mask_time(features, options.mask), batch.frames.to(features.device)
    )
    return {"ctc": ctc(logits, batch)}


def student_losses(
    networks: Networks, batch: Batch, options: argparse.Namespace
) -> dict[str, Tensor]:
    """Return the losses of the stage `student`."""
    count, device = int(batch.frames.max()), batch.distorted.device
    frames = batch.frames.to(device)
    with torch.set_grad_enabled(not options.freeze_front):
        features = raw_front(networks.model, batch.distorted)[:, :count]
    losses = {}
    if options.front and not options.freeze_front:
        real = torch.arange(count, device=device) < frames[:, None]
        target = networks.whisper_features(batch.distorted, batch)[real].float()
        losses["front"] = relative_error(features[real].float(), target)
    losses["ctc"] = ctc(Body(networks.model)(mask_time(features, options.mask), frames), batch)
    return losses


def relative_error(got: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error relative to the target's variance."""
    return (got - target).square().mean() / target.var(0).mean().clamp_min(0.02)


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
    if options.stage == "student" and not options.freeze_front:
        ends = [model.wav2vec2.feature_extractor, model.wav2vec2.feature_projection]
        front = [p for part in ends for p in part.parameters()]
        found.append({"params": front, "lr": options.front_lr})
    for group in found:
        group["base"] = group["lr"]
        group.setdefault("head", False)
    return found


@torch.inference_mode()
def transcripts(networks: Networks, name: str, *, raw: bool) -> tuple[list[str], list[str]]:
    """Return texts and greedy transcripts of a set; each clip by itself, unpadded."""
    packed = packed_set(name)
    device = next(networks.model.parameters()).device
    found = []
    for index in range(len(packed)):
        clip = torch.from_numpy(packed[index].astype("float32") / 32768)
        audio = normalise(clip)[None].to(device)
        frames = torch.tensor([frames_of(len(clip))])
        if raw:
            features = raw_front(networks.model, audio)
        else:
            batch = Batch(audio, audio, torch.tensor([len(clip)]), frames, [[]])
            features = networks.whisper_features(audio, batch)
        logits = Body(networks.model)(features, frames.to(device))
        found.append(decode_greedy(logits[0].argmax(-1).tolist()))
    return packed.texts, found


def load_weights(model: Wav2Vec2ForCTC, weights: dict[str, Tensor]) -> None:
    """Load weights; those of the positional convolution are made at export."""
    kept = {name: value for name, value in weights.items() if "pos_conv_embed" not in name}
    model.load_state_dict(model.state_dict() | kept)


def averaged_weights(run: str) -> dict[str, Tensor]:
    """Return the averaged weights of a run."""
    return torch.load(STATE / f"{run}.pt", map_location="cpu")["averaged"]


class Trainer:
    """One stage's networks, optimiser, averaged weights and clock."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.raw = options.stage == "student"
        self.path = STATE / f"{options.run or options.stage}.pt"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        arrays = load_arrays()
        self.model = build_model(options.seed)
        self.networks = Networks(self.model, WhisperFront(arrays).to(self.device))
        self.heard_s, self.step, spent_s = 0.0, 0, 0.0
        state = torch.load(self.path, map_location="cpu") if self.path.exists() else None
        if state:
            load_weights(self.model, state["model"])
            self.heard_s, self.step, spent_s = state["heard_s"], state["step"], state["spent_s"]
        elif options.start:
            load_weights(self.model, averaged_weights(options.start))
        elif self.raw:
            self.begin_student()
        else:
            copy_whisper(self.model, arrays)
        self.model.to(self.device)
        self.averaged = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            groups(self.model, options), betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        if state:
            load_weights(self.averaged, state["averaged"])
            self.optimiser.load_state_dict(state["optimiser"])
            now = groups(self.model, options)
            for group, given in zip(self.optimiser.param_groups, now, strict=True):
                group["base"] = given["base"]  # the rates of this command line
        self.trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.clock = Clock(options.hours * 3600, self.heard_s, spent_s)
        self.evaluated = time.monotonic()

    def begin_student(self) -> None:
        """Join the taught front with the body's transformer and head."""
        weights = averaged_weights("body")
        front = torch.load(FRONT, map_location="cpu")["model"]
        parts = ("wav2vec2.feature_extractor.", "wav2vec2.feature_projection.")
        weights |= {name: value for name, value in front.items() if name.startswith(parts)}
        load_weights(self.model, weights)

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        """Take one step; return the losses."""
        losses = student_losses if self.raw else body_losses
        found = losses(self.networks, batch, self.options)
        weights = vars(self.options)
        torch.stack(
            [weights.get(name, 1.0) * loss for name, loss in found.items()]
        ).sum().backward()
        gradient = nn.utils.clip_grad_norm_(self.trained, 1.0)
        rate = schedule(progress, self.options.hold, warmup=0.01, floor=self.options.floor)
        grown = min(1.0, self.step / self.options.head_steps)
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
            "run": self.path.stem,
            "minutes": round(self.clock.spent_s / 60, 1),
            "heard_h": round(self.heard_s / 3600, 2),
        }
        networks = Networks(self.averaged, self.networks.whisper)
        for name in ("dev", "commands-dev"):
            texts, found = transcripts(networks, name, raw=self.raw)
            row[f"{name} wer"] = round(jiwer.wer(texts, found), 4)
            row[f"{name} cer"] = round(jiwer.cer(texts, found), 4)
        print(row, flush=True)
        with CURVE.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def run(self) -> None:
        """Train until the time is up."""
        options = self.options
        seed, strength = options.seed + self.step, STRENGTH[options.stage]
        stream = Corpus.stream(
            seed, strength, SHARES[options.stage], options.seconds, options.workers
        )
        means: dict[str, float] = {}
        for batch in stream:
            batch.distorted, batch.clean = (
                batch.distorted.to(self.device),
                batch.clean.to(self.device),
            )
            for name, value in self.learn(batch, self.clock.tick(self.heard_s)).items():
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
    parser.add_argument("stage", choices=("body", "student"))
    parser.add_argument("--hours", type=float, required=True, help="of audio, restarts included")
    parser.add_argument("--run", default="", help="name of the checkpoint, the stage's by default")
    parser.add_argument("--start", default="", help="run whose weights this one begins with")
    parser.add_argument("--seconds", type=float, default=32.0, help="audio in a batch")
    parser.add_argument("--lr", type=float, default=1.5e-4, help="highest layer's rate")
    parser.add_argument("--layer-decay", type=float, default=0.95, help="of the rate, by layer")
    parser.add_argument("--fresh-lr", type=float, default=1.5e-3, help="rate of the head")
    parser.add_argument("--front-lr", type=float, default=1e-4, help="rate of the raw-audio front")
    parser.add_argument("--head-steps", type=int, default=100, help="the other rates grow so long")
    parser.add_argument("--hold", type=float, default=0.4, help="when the rate starts to fall")
    parser.add_argument("--floor", type=float, default=0.02, help="the rate's last scale")
    parser.add_argument(
        "--average", type=float, default=0.01, help="averaged weights: share of new"
    )
    parser.add_argument("--mask", type=float, default=0.04, help="share of frames set to zero")
    parser.add_argument("--ctc", type=float, default=1.0, help="weight of the transcripts")
    parser.add_argument("--front", type=float, default=1.0, help="weight of the front's features")
    parser.add_argument(
        "--freeze-front", action="store_true", help="leave the raw-audio front as it is: faster"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    Trainer(parse()).run()

"""Teach the raw-audio convolutions to give the features of Whisper's log-mel front.

Mean squared error, relative to the features' variance, between the student's projected features and
Whisper's second convolution, frame by frame on the same distorted clip. Needs nothing of the body.
Run `python -m training.front --hours 12`; it resumes from its checkpoint.
"""

import argparse

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2ForCTC

from training.augment import Strength
from training.clock import Clock, save, schedule
from training.corpus import Batch, Corpus
from training.model import build_model, copy_convolutions
from training.network import fast_type, raw_front
from training.optim import Optimisers
from training.paths import MODEL, STATE
from training.teacher import WhisperFront, load_arrays

CHECKPOINT = STATE / "front.pt"


def front_loss(model: Wav2Vec2ForCTC, front: WhisperFront, audio: Tensor, batch: Batch) -> Tensor:
    """Return the squared error relative to the target's variance."""
    frames = int(batch.frames.max())
    mel = front.aligned_mel(audio, batch.samples)
    target = front.features(mel, frames, fast_type(audio.device.type))
    got = raw_front(model, audio)[:, :frames]
    real = torch.arange(frames, device=audio.device) < batch.frames[:, None]
    target, got = target[real].float(), got[real].float()
    return (got - target).square().mean() / target.var(0).mean().clamp_min(0.02)


def front_parameters(model: Wav2Vec2ForCTC) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return matrices and other parameters of convolutions and projection."""
    body = model.wav2vec2
    params = [*body.feature_extractor.parameters(), *body.feature_projection.parameters()]
    return [p for p in params if p.ndim > 1], [p for p in params if p.ndim == 1]


def main(hours: float, seconds: float, seed: int, hold: float) -> None:
    model = build_model(seed)
    front = WhisperFront(load_arrays())
    matrices, others = front_parameters(model)
    optimiser = Optimisers(matrices, others, muon_lr=0.02, adamw_lr=2e-3)
    clock, heard_s, step, average = Clock(hours * 3600), 0.0, 0, 0.0
    if CHECKPOINT.exists():
        state = torch.load(CHECKPOINT, map_location="cpu")
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        clock.spent_s, heard_s, step = state["spent_s"], state["heard_s"], state["step"]
    else:
        copy_convolutions(model, str(MODEL / "model.safetensors"))
    corpus = Corpus(seed + step, Strength())
    for batch in corpus.batches(seconds, longest_s=8.0):
        loss = front_loss(model, front, batch.distorted, batch)
        loss.backward()
        heard_s, step = heard_s + batch.seconds, step + 1
        progress = clock.tick(heard_s)
        optimiser.step(schedule(progress, hold))
        value = float(loss.detach())
        average = 0.97 * average + 0.03 * value if average else value
        if step % 50 == 0:
            print(
                f"{clock.spent_s / 60:.1f} min, step {step}, {heard_s / 3600:.2f} h, "
                f"error {average:.4f}, {heard_s / clock.spent_s:.0f} times real time",
                flush=True,
            )
        if clock.save_due():
            save(
                {
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "spent_s": clock.spent_s,
                    "heard_s": heard_s,
                    "step": step,
                },
                CHECKPOINT,
            )
        if clock.done:
            break


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=12.0, help="of audio")
    parser.add_argument("--seconds", type=float, default=30.0, help="audio in a batch")
    parser.add_argument("--hold", type=float, default=0.4, help="when the rate starts to fall")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    main(arguments.hours, arguments.seconds, arguments.seed, arguments.hold)

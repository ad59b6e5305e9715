"""Teach the convolutional encoder to hear: a linear head on it predicts the log-mel spectrum.

From a random start CTC would need days for this. Crops of 3 s with noise and a spectral tilt go
in; the clean crop's 64-band log-mel spectrum (25 ms window, 20 ms hop) is the target.

Run `python -m training.pretrain_convs --minutes 15` (`--resume` continues from its last state).
"""

import argparse
import time

import librosa
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.convs import encode, normalise
from training.data import Packed, real_audio
from training.model import FRAME_STRIDE, FRAME_WIDTH, SAMPLE_RATE_HZ, build_model
from training.optim import Optimisers, schedule
from training.paths import STATE

BANDS = 64
CROP = 3 * SAMPLE_RATE_HZ
CHECKPOINT = STATE / "convs.pt"


class LogMel(nn.Module):
    """Log-mel spectrum on the frame grid of the convolutions, standardised band by band."""

    def __init__(self) -> None:
        super().__init__()
        bank = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=512, n_mels=BANDS, fmin=40, fmax=7800)
        self.register_buffer("bank", torch.from_numpy(bank.T.astype(np.float32)))
        self.register_buffer("window", torch.hann_window(FRAME_WIDTH))
        self.register_buffer("mean", torch.zeros(BANDS))
        self.register_buffer("std", torch.ones(BANDS))

    def raw(self, audio: Tensor) -> Tensor:
        """Return `(batch, frames, bands)` natural logarithms of band energies."""
        frames = audio.unfold(1, FRAME_WIDTH, FRAME_STRIDE) * self.window
        power = torch.fft.rfft(frames, n=512).abs().square()
        return (power @ self.bank + 1e-3).log()

    def fit(self, audio: Tensor) -> None:
        """Take mean and deviation of each band from a sample of normalised audio."""
        values = self.raw(audio).flatten(0, 1)
        self.mean.copy_(values.mean(0))
        self.std.copy_(values.std(0))

    def forward(self, audio: Tensor) -> Tensor:
        """Return `(batch, frames, bands)`, about zero mean and unit variance."""
        return (self.raw(audio) - self.mean) / self.std


def random_crops(packed: Packed, count: int, rng: np.random.Generator) -> Tensor:
    """Return `(count, CROP)` float crops from anywhere in the packed audio."""
    starts = rng.integers(0, len(packed.values) - CROP, count)
    crops = np.stack([packed.values[start : start + CROP] for start in starts])
    return torch.from_numpy(crops.astype(np.float32) / 32768)


def disturb(clean: Tensor, rng: np.random.Generator) -> Tensor:
    """Add coloured noise at 5 to 50 dB below the speech and a mild spectral tilt to each crop."""
    count, samples = clean.shape
    tilt = torch.from_numpy(rng.uniform(-0.5, 0.5, (count, 1)).astype(np.float32))
    speech = clean + tilt * F.pad(clean, (1, 0))[:, :-1]
    noise = torch.from_numpy(rng.standard_normal((count, samples + 1), dtype=np.float32))
    colour = torch.from_numpy(rng.uniform(-0.9, 0.9, (count, 1)).astype(np.float32))
    noise = noise[:, 1:] + colour * noise[:, :-1]
    ratio_db = torch.from_numpy(rng.uniform(5, 50, (count, 1)).astype(np.float32))
    level = speech.std(-1, keepdim=True) / noise.std(-1, keepdim=True) * 10 ** (-ratio_db / 20)
    return speech + level * noise


def train(minutes: float, resume: bool, batch: int, seed: int) -> None:
    """Train for `minutes` and leave convolutions and head in `CHECKPOINT`."""
    rng = np.random.default_rng(seed)
    pool = [real_audio()]
    if (STATE / "synth.npy").exists():
        pool.append(Packed(STATE / "synth"))
    encoder = build_model(seed).wav2vec2.feature_extractor
    target, head = LogMel(), nn.Linear(256, BANDS)
    target.fit(normalise(random_crops(pool[0], 100, rng)))
    if resume:
        state = torch.load(CHECKPOINT)
        encoder.load_state_dict(state["encoder"])
        head.load_state_dict(state["head"])
        target.load_state_dict(state["target"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder, target, head = encoder.to(device), target.to(device), head.to(device)
    params = [*encoder.parameters(), *head.parameters()]
    matrices = [p for p in encoder.parameters() if p.ndim == 3 and p.shape[1] > 1]
    chosen = {id(p) for p in matrices}
    optimiser = Optimisers(matrices, [p for p in params if id(p) not in chosen], 0.01, 2e-3)

    start, step, heard_s, losses = time.monotonic(), 0, 0.0, []
    progress = 0.0
    while progress < 1.0:
        clean = random_crops(pool[step % len(pool)], batch, rng)
        noisy = normalise(disturb(clean, rng)).to(device)
        features = encode(encoder, noisy)
        predicted = head(features.float())
        loss = F.mse_loss(predicted, target(normalise(clean).to(device)))
        loss.backward()
        optimiser.step(schedule(progress, hold=0.3))
        losses.append(float(loss.detach()))
        step, heard_s = step + 1, heard_s + batch * 3
        progress = (time.monotonic() - start) / 60 / minutes
        if step % 100 == 0 or progress >= 1.0:
            speed = heard_s / (time.monotonic() - start)
            print(f"{progress:.3f} step {step} mse {np.mean(losses[-100:]):.4f} {speed:.0f}x")
            torch.save(
                {
                    "encoder": encoder.state_dict(),
                    "head": head.state_dict(),
                    "target": target.state_dict(),
                },
                CHECKPOINT,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--batch", type=int, default=16, help="crops of 3 s a step")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    train(arguments.minutes, arguments.resume, arguments.batch, arguments.seed)

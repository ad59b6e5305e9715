"""Speaker embeddings: a vector for each window of speech, alike for windows of one voice.

The network is Resemblyzer's: three LSTM layers over 40 mel bands, and a projection (L. Wan et al.,
"Generalized end-to-end loss for speaker verification", ICASSP 2018). Of the package ``resemblyzer`` only its
weights are used: its own code imports a voice activity detector that has to be compiled.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.features import hz_to_mel, mel_to_hz
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled

WEIGHTS_PACKAGE: Final = "resemblyzer"
WEIGHTS_FILE: Final = "pretrained.pt"

FRAME, MEL_HOP = 400, 160  # samples: 25 and 10 ms
MEL_BANDS, EMBEDDING_SIZE, LAYERS = 40, 256, 3
SHORTEST_FRAMES = 8
"""Shorter windows are padded with silence, frames."""
TARGET_DBFS = -30.0
"""Quieter windows are amplified to this level, as in the training of the network."""
BATCH = 64
"""Windows that are embedded together; cancellation is checked between batches."""


class VoiceEncoder(nn.Module):
    """Mel spectrograms to embeddings of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(MEL_BANDS, EMBEDDING_SIZE, LAYERS, batch_first=True)
        self.linear = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        """``(windows, frames, MEL_BANDS)`` to ``(windows, EMBEDDING_SIZE)``."""
        _, (hidden, _) = self.lstm(mels)
        embedded: torch.Tensor = torch.relu(self.linear(hidden[-1]))
        lengths: torch.Tensor = torch.linalg.vector_norm(embedded, dim=1, keepdim=True)
        return embedded / lengths.clamp(min=1e-6)


def load_encoder() -> VoiceEncoder:
    """The encoder with the weights of the installed package.

    Raises:
        ModelError: ``speakers.extra_missing``, ``speakers.broken``.
    """
    path = _weights_path()
    encoder = VoiceEncoder()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})
    except (
        OSError,
        EOFError,
        LookupError,
        TypeError,
        ValueError,
        RuntimeError,
        UnpicklingError,
    ) as error:
        raise ModelError(
            "The weights of the speaker model cannot be read.",
            code="speakers.broken",
            hint="Install the package resemblyzer again.",
        ) from error
    return encoder.eval()


def embed(
    encoder: VoiceEncoder,
    samples: Float32,
    windows: NDArray[np.float32],
    *,
    check: CheckCancelled = never_cancelled,
) -> Float32:
    """The embeddings ``(windows, EMBEDDING_SIZE)`` of windows ``(n, 2)``, start and end in seconds."""
    embedded = np.zeros((len(windows), EMBEDDING_SIZE), np.float32)
    mels = [_mel(_window(samples, start_s, end_s)) for start_s, end_s in windows.tolist()]
    lengths = np.array([len(mel) for mel in mels])
    with torch.inference_mode():
        for length in np.unique(lengths):
            of_length = np.flatnonzero(lengths == length)
            for begin in range(0, len(of_length), BATCH):
                check()
                chosen = of_length[begin : begin + BATCH]
                batch = torch.from_numpy(np.stack([mels[index] for index in chosen]))
                embedded[chosen] = encoder(batch).numpy()
    return embedded


def _weights_path() -> Path:
    """The file of the package, found without importing it."""
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / WEIGHTS_FILE).is_file():
            return path
    raise extra_missing()


def extra_missing() -> ModelError:
    """The error that the extra ``speakers`` is not installed."""
    return ModelError(
        "Labelling speakers is not installed on this server.",
        code="speakers.extra_missing",
        severity="warning",
        hint="Install it with: pip install 'wav2vec2-app[speakers]', then: pip install --no-deps "
        "resemblyzer.",
    )


def _window(samples: Float32, start_s: float, end_s: float) -> Float32:
    """The samples of a window at the level that the network was trained with."""
    found = samples[max(0, round(start_s * SAMPLE_RATE_HZ)) : round(end_s * SAMPLE_RATE_HZ)]
    found = np.pad(found, (0, max(0, SHORTEST_FRAMES * MEL_HOP - len(found))))
    rms = float(np.sqrt(np.mean(np.square(found), dtype=np.float64)))
    gain = 10 ** (TARGET_DBFS / 20) / max(rms, 1e-6)
    return found * np.float32(gain) if gain > 1 else found


def _mel(samples: Float32) -> Float32:
    """Power in mel bands, ``(frames, MEL_BANDS)``; frames are centred on multiples of the hop."""
    padded = np.pad(samples, FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::MEL_HOP]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.ascontiguousarray((power @ _filters()).astype(np.float32))


@lru_cache(maxsize=1)
def _hann() -> Float32:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float64]:
    """Slaney's triangles of equal area over the power spectrum: ``(bins, MEL_BANDS)``."""
    bins_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, FRAME // 2 + 1)[:, None]
    edges = mel_to_hz(np.linspace(0.0, float(hz_to_mel(SAMPLE_RATE_HZ / 2)), MEL_BANDS + 2))
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins_hz - low) / (peak - low), (high - bins_hz) / (high - peak))
    return np.maximum(triangles, 0) * 2 / (high - low)

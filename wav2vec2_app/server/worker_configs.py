"""What workers of each role are configured with: made from the settings, sent to them as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from wav2vec2_app.server.policies import ctc_model, whisper_policy
from wav2vec2_app.server.processors import threads_of_a_worker
from wav2vec2_app.server.service.whisper_models import WhisperPolicy
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import MAX_SEPARATE_CHANNELS, SAMPLE_RATE_HZ
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED

Config: TypeAlias = Mapping[str, object]
"""Configuration of a worker, sent to it as JSON."""

Env: TypeAlias = Mapping[str, str]
NO_ENV: Env = MappingProxyType({})

SPOOL_MARGIN_BYTES = 64 << 20
"""The audio worker may write files that are larger than the longest recording by so much."""
DECODER_BYTES = 384 << 20
"""Address space of the audio worker beside its libraries and what a request sends: buffers of demuxers,
decoders and resamplers (30 MB for common files) and the heaps of its threads. Decoded samples do not count:
long ones are in a file that is never mapped there. What a file needs for its index of packets is less than
the file has bytes."""
DRAWING_FACTOR = 6
"""Features and pictures need this many times the bytes of the samples (4.1 measured for 15 minutes)."""
DECODER_CPU_S = 1800
"""Processor time of one operation of the audio worker, seconds; deadlines are shorter as a rule."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Features are small matrices: threads for them would only take cores from the forward pass."""


def _download_config(settings: Settings, _: Path) -> Config:
    return {"timeout_s": settings.fetch_timeout_s}


def _audio_config(settings: Settings, _: Path) -> Config:
    channel_bytes = int(settings.max_duration_s * SAMPLE_RATE_HZ * 4)
    drawn_bytes = int(settings.features_s * SAMPLE_RATE_HZ * 4)
    return {
        "max_duration_s": settings.max_duration_s,
        "max_bytes": settings.max_bytes,
        "process": {
            "memory_bytes": DECODER_BYTES
            + max(settings.max_bytes, DRAWING_FACTOR * min(drawn_bytes, channel_bytes)),
            # the mix and each channel
            "file_bytes": channel_bytes * (1 + MAX_SEPARATE_CHANNELS) + SPOOL_MARGIN_BYTES,
            "cpu_s": DECODER_CPU_S,
        },
    }


def _inference_config(settings: Settings, assets: Path) -> Config:
    model, whisper = ctc_model(settings), whisper_policy(settings)
    folders = [str(folder) for folder in settings.model_folders if folder not in whisper.folders]
    if Path(model).is_dir():
        folders.append(model)
    return {
        "model": model,
        "embedded": str(assets / "model"),
        "preferred": settings.preferred_model,
        "allowed": list(settings.allowed_models),
        "folders": folders,
        "device": settings.device,
        "engine": settings.engine,
        "precision": settings.precision,
        "cache_folder": str(settings.cache_folder),
        "threads": threads_of_a_worker(settings.threads, settings.inference_workers),
    }


def whisper_config(settings: Settings, policy: WhisperPolicy) -> Config:
    """What workers with Whisper models are configured with."""
    return {
        "allowed": list(policy.allowed),
        "folders": [str(folder.absolute()) for folder in policy.folders],
        "device": settings.device,
        "precision": settings.precision,
        "threads": threads_of_a_worker(settings.threads, 1),
    }


def speakers_config(settings: Settings) -> Config:
    """What the worker that labels speakers is configured with."""
    return {"threads": threads_of_a_worker(settings.threads, 1)}


def _text_config(settings: Settings, assets: Path) -> Config:
    may_be_embedded = ctc_model(settings) in (AUTO_MODEL, EMBEDDED)
    return {
        "embedded": str(assets / "model"),
        "language_model": str(assets / "lm"),
        "punctuation": str(assets / "punctuation"),
        "warm_up": may_be_embedded and settings.decoder != "greedy",
    }


CONFIGS: Mapping[str, tuple[Callable[[Settings, Path], Config], Env]] = MappingProxyType(
    {
        "audio": (_audio_config, ONE_THREAD),
        "inference": (_inference_config, NO_ENV),
        "text": (_text_config, ONE_THREAD),
        "download": (_download_config, NO_ENV),
    },
)
"""Configuration, from settings and the folder of assets, and environment of the workers of each role.

The composition root makes those of further recognisers.
"""

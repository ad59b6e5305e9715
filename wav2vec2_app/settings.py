"""Every setting, its unit and its environment variable: the one configuration manual.

Each field is read from ``WAV2VEC2_<FIELD>`` (``WAV2VEC2_MAX_DURATION_S=120``), or passed by name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a Space is reached from outside its container


def on_spaces() -> bool:
    """Whether this process runs on Hugging Face Spaces (which sets ``SPACE_ID``)."""
    return bool(os.environ.get("SPACE_ID"))


class Settings(BaseSettings):
    """Settings of one application; immutable once built."""

    model_config = SettingsConfigDict(
        env_prefix="WAV2VEC2_", frozen=True, extra="forbid", protected_namespaces=()
    )

    # --- the page ---
    host: str = Field(default_factory=lambda: EVERYWHERE if on_spaces() else "127.0.0.1")
    """Address the server listens on."""
    port: int = Field(7860, ge=0, le=65535)
    """TCP port; 0 lets the system choose."""

    # --- the model ---
    model: str = "auto"
    """Which model answers by default: ``auto``, ``embedded``, an allowed name, or a folder."""
    preferred_model: str = "facebook/wav2vec2-base-960h"
    """What ``auto`` prefers over the embedded checkpoint: used if on disk, else fetched in the background."""
    allowed_models: tuple[str, ...] = (
        "facebook/wav2vec2-base-960h",
        "facebook/wav2vec2-large-960h",
        "facebook/wav2vec2-large-960h-lv60-self",
        "facebook/wav2vec2-large-robust-ft-libri-960h",
    )
    """Names on the model hub that a person may choose (JSON list in the environment)."""
    model_folders: tuple[Path, ...] = ()
    """Local checkpoint folders that a person may choose (JSON list in the environment)."""
    fetch_models: bool = True
    """Whether the model hub may be asked for the preferred and allowed models."""
    fetch_timeout_s: float = Field(5.0, gt=0)
    """How long the hub may take to answer before this counts as offline, seconds."""
    decoder: Literal["auto", "greedy"] = "auto"
    """How text is read: ``auto`` (a beam with a language model for the embedded checkpoint, whose
    spelling needs it, and the best path for all others), or ``greedy`` (the best path for all)."""
    device: str = "auto"
    """``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
    engine: Literal["auto", "openvino", "torch"] = "auto"
    """What runs the model: ``auto`` and ``openvino`` take OpenVINO on a CPU, and PyTorch on an accelerator
    or where OpenVINO cannot; ``torch`` takes PyTorch always."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """Of the arithmetic; ``auto`` takes bfloat16 on a CPU where a short trial shows it clearly faster, and
    half precision on an accelerator. ``int8`` rounds the transformer's linear layers to 8 bits on a CPU,
    which needs less memory too; ``auto`` tries it with models of 50 million parameters and more."""
    cache_folder: Path = Field(default_factory=lambda: user_cache_path("wav2vec2_app"))
    """Where outcomes of such trials are kept."""
    threads: int = Field(0, ge=0)
    """Threads of the inference worker's forward pass; 0 means all cores."""

    inference_workers: int = Field(1, ge=1)
    """Processes that run the model; each holds its own copy of it."""

    # --- limits ---
    max_duration_s: float = Field(3 * 3600.0, gt=0)
    """Longest audio accepted, seconds; refused before it is decoded."""
    max_bytes: int = Field(500 * MIB, gt=0)
    """Largest upload accepted, bytes."""
    memory_limit_bytes: int = Field(2048 * MIB, gt=0)
    """What all processes together should stay under, bytes; shown on the page."""
    window_s: float = Field(10.0, ge=2.0)
    """Length of the windows in which longer audio is heard, seconds; up to twice that is heard at once."""
    window_overlap_s: float = Field(2.0, ge=0.5)
    """How much neighbouring windows share, seconds, at most half of a window; half of it is
    dropped on each side of a seam."""
    features_s: float = Field(900.0, gt=0)
    """Longest audio whose features are measured and drawn, seconds; longer audio is transcribed only."""
    cache_bytes: int = Field(32 * MIB, ge=0)
    """Finished results that are kept in memory, bytes, so that decoding them anew or asking again needs no
    model; 0 keeps none."""
    cache_s: float = Field(3000.0, gt=0)
    """How long a result is kept at most, seconds."""
    cache_shared: bool = False
    """Whether the same recording, sent by another person, is answered from what is kept."""

    # --- queue, timeouts, recovery ---
    queue_size: int = Field(32, ge=1)
    """Tasks that may wait; the next one is refused with a time to come back."""
    concurrency: int = Field(2, ge=1)
    """Tasks in work at once (one decodes while another is in the forward pass)."""
    operation_timeout_s: float = Field(30.0, gt=0)
    """Limit of one operation, seconds, plus ``timeout_per_audio_s`` for each second of audio."""
    timeout_per_audio_s: float = Field(2.0, ge=0)
    """Added to the limit for each second of audio, seconds."""
    model_load_timeout_s: float = Field(120.0, gt=0)
    """How long a model that is not the default may take to load, seconds."""
    start_timeout_s: float = Field(90.0, gt=0)
    """How long a worker may take to start, seconds."""
    ping_interval_s: float = Field(5.0, gt=0)
    """Time between health checks of a worker, seconds."""
    ping_timeout_s: float = Field(15.0, gt=0)
    """A worker that has not answered a health check for this long is replaced, seconds."""
    kill_grace_s: float = Field(20.0, gt=0)
    """How long a worker may take to give up a cancelled operation before it is killed, seconds."""
    restart_budget: int = Field(5, ge=0)
    """Restarts of one worker allowed within ``restart_window_s``; past it the worker stays down."""
    restart_window_s: float = Field(60.0, gt=0)
    """Sliding window of the restart budget, seconds."""
    restart_backoff_s: float = Field(0.1, ge=0)
    """First wait before a restart, seconds; doubles with each restart in the window, up to 5 s."""
    breaker_failures: int = Field(5, ge=1)
    """Failures in a row that open an operation's circuit breaker."""
    breaker_recovery_s: float = Field(10.0, gt=0)
    """How long an open breaker waits before it lets one trial through, seconds."""

    # --- live captions ---
    live_sessions: int = Field(4, ge=0)
    """People who may speak at once; the next one is told that all places are taken. 0 turns it off."""
    live_interval_s: float = Field(0.3, ge=0.1)
    """Shortest time between two passes over the speech so far, seconds; more where passes take long."""
    live_pause_s: float = Field(0.7, ge=0.3)
    """A pause this long ends an utterance, seconds."""
    live_utterance_s: float = Field(20.0, ge=5.0)
    """An utterance that gets longer is cut at its best pause, seconds."""
    live_idle_s: float = Field(30.0, gt=0)
    """A connection on which nothing arrives for so long is ended, seconds."""
    live_session_s: float = Field(7200.0, gt=0)
    """Longest audio of one live session, seconds."""

    # --- logs ---
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_json: bool = False
    """One JSON object a line instead of readable text."""
    record_folder: Path | None = None
    """Debugging: where to record the frames of every request, with users' audio; None records nothing.
    ``wav2vec2-app debug replay FOLDER`` replays the recording of one request."""

    @property
    def longest_operation_s(self) -> float:
        """The limit of one operation on the longest audio, a model's loading included, seconds."""
        return (
            self.operation_timeout_s
            + self.timeout_per_audio_s * self.max_duration_s
            + self.model_load_timeout_s
        )

    @model_validator(mode="after")
    def _overlap_fits(self) -> Settings:
        if self.window_overlap_s > self.window_s / 2:
            raise ValueError("window_overlap_s is at most half of window_s")
        return self

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        value = value.upper()
        if value not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("log_level is one of DEBUG, INFO, WARNING, ERROR")
        return value

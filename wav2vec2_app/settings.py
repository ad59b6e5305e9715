"""All settings, with their units: the configuration manual of the application.

Each field is set by the environment variable ``WAV2VEC2_<FIELD>`` (``WAV2VEC2_MAX_DURATION_S=120``),
or passed by name. Lists are texts with commas between, or JSON lists.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wav2vec2_app.setting_types import Concurrency, Folders, Keys, Names

PREFIX = "WAV2VEC2_"
MIB = 1024 * 1024
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - a Space is reached from outside its container
DEFAULT_PORT, MAX_PORT = 7860, 65535


def _default_host() -> str:
    """The address without a setting of ours: Gradio's variable is honoured."""
    named = os.environ.get("GRADIO_SERVER_NAME", "").strip()
    return named or (ALL_ADDRESSES if on_spaces() else "127.0.0.1")


def _default_port() -> int:
    """The port without a setting of ours: Gradio's variable is honoured if it is a port."""
    given = os.environ.get("GRADIO_SERVER_PORT", "").strip()
    return int(given) if given.isdigit() and int(given) <= MAX_PORT else DEFAULT_PORT


_ADDRESS = re.compile(r"https?://[^\s/]+\S*|[\w.-]+/[\w.-]+")


def on_spaces() -> bool:
    """Whether this process runs on Hugging Face Spaces (which sets ``SPACE_ID``)."""
    return bool(os.environ.get("SPACE_ID"))


class Settings(BaseSettings):
    """Settings of one application; immutable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", protected_namespaces=()
    )

    # --- the server ---
    host: str = Field(default_factory=_default_host)
    """Network address that the server listens on: that of ``GRADIO_SERVER_NAME``, else ``0.0.0.0`` on a Space
    and this machine only elsewhere."""
    port: int = Field(default_factory=_default_port, ge=0, le=MAX_PORT)
    """TCP port: that of ``GRADIO_SERVER_PORT``, else 7860; 0 lets the operating system choose a free one."""
    root_path: str = Field(default_factory=lambda: os.environ.get("GRADIO_ROOT_PATH", "").strip())
    """Path under which a reverse proxy serves the page, such as ``/speech``: that of ``GRADIO_ROOT_PATH``,
    else none."""

    trusted_hosts: Names = ()
    """Host names under which the server may be addressed. Empty: any name, but only names of this machine
    and IP addresses where the server listens on this machine only. Behind a reverse proxy, list the public
    name."""
    trusted_origins: Names = ()
    """Origins (``https://example.org``) of other sites whose pages may use this server; by default none."""
    api_keys: Keys = ()
    """Keys of which every request must have one, as ``Authorization: Bearer KEY``, or as the password in
    a browser. Empty: no key is needed."""

    mcp: bool = False
    """Whether the named endpoints are also tools of the Model Context Protocol, at ``/gradio_api/mcp``; needs
    the extra ``mcp``, and half a second more at the start."""

    # --- the model ---
    model: str = "auto"
    """Default model: ``auto``, ``embedded``, one of ``allowed_models`` or ``whisper_models``, or a folder."""
    preferred_model: str = "facebook/wav2vec2-base-960h"
    """The model that ``auto`` stands for; until it is downloaded, the embedded model is used."""
    allowed_models: Names = (
        "facebook/wav2vec2-base-960h",
        "facebook/wav2vec2-large-960h",
        "facebook/wav2vec2-large-960h-lv60-self",
        "facebook/wav2vec2-large-robust-ft-libri-960h",
    )
    """Models of the Hugging Face Hub that users may choose."""
    whisper_models: Names = (
        "Systran/faster-whisper-base",
        "Systran/faster-whisper-small",
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    )
    """Whisper models of the Hugging Face Hub, in CTranslate2's format, that users may choose where the
    extra ``whisper`` is installed."""
    model_folders: Folders = ()
    """Folders of local checkpoints that users may choose: of CTC models,
    and of Whisper models in CTranslate2's format."""
    preload_models: Names = ()
    """Models that are loaded at the start beside the default one, and stay loaded as far as
    ``memory_limit_bytes`` allows."""
    model_idle_s: float = Field(900.0, ge=0)
    """A model other than the default and ``preload_models`` is unloaded when it was not used for so long,
    seconds. 0: never."""
    fetch_models: bool = True
    """Whether missing models may be downloaded from the Hugging Face Hub."""
    fetch_timeout_s: float = Field(5.0, gt=0)
    """Time without an answer after which the hub counts as unreachable, seconds."""
    decoder: Literal["auto", "greedy"] = "auto"
    """Default decoder: ``greedy`` for all models, or ``auto``, which uses a beam search with a language
    model for the embedded model, whose spelling needs it, and greedy decoding for all others."""
    device: str = "auto"
    """Device of the model: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, or ``auto`` (CUDA, else MPS, else CPU)."""
    engine: Literal["auto", "openvino", "torch"] = "auto"
    """Library that runs the model. ``auto`` and ``openvino`` use OpenVINO on a CPU, and PyTorch on an
    accelerator or where OpenVINO cannot run the model; ``torch`` always uses PyTorch."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """Precision of the model. ``auto`` uses half precision on an accelerator, and on a CPU bfloat16 where a
    short trial shows it to be clearly faster. ``int8`` (CPU only) rounds the linear layers of the
    transformer to 8 bits, which needs less memory; ``auto`` tries it with models of 50 million parameters
    and more."""
    cache_folder: Path = Field(default_factory=lambda: user_cache_path("wav2vec2_app"))
    """Folder for the results of these trials."""
    threads: int = Field(0, ge=0)
    """Threads of one inference worker; 0 means an equal share of the processors that the affinity of the
    process and the quota of its container allow."""
    inference_workers: int = Field(1, ge=1)
    """Number of inference worker processes; each loads its own copy of the model."""
    backend: Literal["local", "ray"] = "local"
    """Where workers run: in processes of this machine, or in replicas on a Ray cluster (docs/growth.md)."""
    ray_address: str = Field("auto", pattern=r"^(auto|[^\s:/]+:[0-9]{1,5})$")
    """The cluster's head, ``host:port``; ``auto``: the cluster that this machine is a node of."""

    # --- limits ---
    max_duration_s: float = Field(3 * 3600.0, gt=0)
    """Longest accepted audio, seconds; longer audio is rejected before it is decoded."""
    max_bytes: int = Field(500 * MIB, gt=0)
    """Largest accepted upload, bytes."""
    memory_limit_bytes: int = Field(2048 * MIB, gt=0)
    """Maximum memory of all processes together, without mapped files, bytes. To stay below it, the least
    recently used models are unloaded. Above it, workers over their share are replaced between requests.
    The address space of the audio worker has a limit of its own, which follows from ``max_bytes`` and
    ``features_s``."""
    window_s: float = Field(10.0, ge=2.0)
    """Length of the windows that long audio is cut into, seconds; audio up to twice as long is not cut."""
    window_overlap_s: float = Field(2.0, ge=0.5)
    """Overlap of neighbouring windows, seconds, at most half of ``window_s``; each window contributes
    half of it."""
    features_s: float = Field(900.0, gt=0)
    """Longest audio with features and pictures, seconds; longer audio is transcribed only."""
    cache_bytes: int = Field(32 * MIB, ge=0)
    """Size of the result cache, bytes; cached results are decoded again and repeated without running the
    model. 0 disables it."""
    cache_s: float = Field(3000.0, gt=0)
    """Longest time that a result stays in the cache, seconds."""
    cache_shared: bool = False
    """Whether a recording sent by another user is answered from the cache too."""

    # --- limits of one client ---
    client_tasks: int = Field(16, ge=0)
    """Number of tasks of one client (an API key, else a network address) that run or wait; the next one
    receives ``client.tasks``. 0: no limit."""
    client_bytes: int = Field(1024 * MIB, ge=0)
    """Size of the files of these tasks, bytes; more receives ``client.bytes``. 0: no limit."""
    client_upload_bytes: int = Field(8192 * MIB, ge=0)
    """Largest sum of one client's uploads within an hour, bytes. 0: no limit."""
    client_live_sessions: int = Field(3, ge=0)
    """Number of concurrent live sessions of one client. One client never gets all ``live_sessions``, unless
    there is only one. 0: no limit."""

    # --- descriptions ---
    gama_url: str = ""
    """Address of a GAMA demo, which answers questions about sounds: a URL, or the name of a Space
    (``user/space``). The first 10 s of a recording are sent to it. Empty disables descriptions."""
    gama_timeout_s: float = Field(120.0, gt=0)
    """Time limit of a description, seconds."""

    # --- storage ---
    storage_folder: Path = Field(default_factory=lambda: user_data_path("wav2vec2_app"))
    """Folder of the history, and of the files and results of batches."""
    history_s: float = Field(24 * 3600.0, gt=0)
    """Time after which an item of the history, or a finished batch, is deleted, seconds."""
    history_bytes: int = Field(1024 * MIB, ge=0)
    """Size of the history of all users together, bytes; above it, the oldest items are deleted. 0 disables
    the history."""
    batch_bytes: int = Field(4096 * MIB, ge=0)
    """Size of the files of all batches that wait to be transcribed, bytes. 0 disables batches."""
    batch_files: int = Field(1000, ge=1)
    """Most files of one batch."""

    # --- queue, timeouts, recovery ---
    queue_size: int = Field(32, ge=1)
    """Number of tasks that may wait; the next one is rejected and told when to try again."""
    concurrency: int = Field(2, ge=1)
    """Number of tasks that run at the same time."""
    operation_timeout_s: float = Field(30.0, gt=0)
    """Time limit of one operation, seconds; ``timeout_per_audio_s`` is added for each second of audio."""
    timeout_per_audio_s: float = Field(2.0, ge=0)
    """Added to ``operation_timeout_s`` for each second of audio, seconds."""
    model_load_timeout_s: float = Field(120.0, gt=0)
    """Added to ``operation_timeout_s`` where a model other than the default has to be loaded, seconds."""
    start_timeout_s: float = Field(90.0, gt=0)
    """Time limit for the start of a worker, seconds."""
    ping_interval_s: float = Field(5.0, gt=0)
    """Time between health checks of a worker, seconds."""
    ping_timeout_s: float = Field(15.0, gt=0)
    """A worker that does not answer a health check within this time is replaced, seconds."""
    kill_grace_s: float = Field(20.0, gt=0)
    """Time a worker has to stop a cancelled operation before it is killed, seconds."""
    restart_budget: int = Field(5, ge=0)
    """Number of restarts of one worker within ``restart_window_s``; above it the worker stays down."""
    restart_window_s: float = Field(60.0, gt=0)
    """Length of the sliding window of ``restart_budget``, seconds."""
    restart_backoff_s: float = Field(0.1, ge=0)
    """Wait before the first restart, seconds; doubles with each restart in the window, up to 5 s."""
    breaker_failures: int = Field(5, ge=1)
    """Number of consecutive failures that open the circuit breaker of an operation."""
    breaker_recovery_s: float = Field(10.0, gt=0)
    """Time after which an open circuit breaker admits one trial, seconds."""
    monitored_operations: Names = ("all",)
    """Operations that have circuit breakers, such as ``transcribe``:
    ``all``, or some of ``probe``, ``decode_audio``, ``transcribe``, ``decode_text``, ``align``, ``analyze``,
    ``measure`` and ``draw``. An empty list disables them."""
    retry_attempts: int = Field(3, ge=1)
    """Attempts of one step on one adapter, the first one included; only failures that may pass are tried
    again."""
    retry_backoff_s: float = Field(0.1, ge=0)
    """Wait before the second attempt, seconds; doubles with each attempt, up to 2 s, and up to 0.1 s is added
    at random."""
    retry_budget: int = Field(30, ge=0)
    """Number of retries of all tasks together within a minute; above it failures are final."""
    routing: Literal["listed", "fastest"] = "listed"
    """Which of several adapters that can run a step comes first: the one that is listed first, or the one
    with the highest measured throughput. Paused and failing ones come last in both cases."""
    adapter_concurrency: Concurrency = {}
    """Number of steps that run at the same time on one adapter, by its name (a JSON object in the
    environment); adapters that are not named have no limit of their own."""
    running_audio_s: float = Field(0.0, ge=0)
    """Audio that running steps may process at the same time, seconds; further steps wait, and a longer
    recording is rejected. 0: no limit."""

    # --- live captions ---
    live_sessions: int = Field(4, ge=0)
    """Maximum number of concurrent live sessions; further clients receive ``live.busy``. 0 disables them."""
    live_interval_s: float = Field(0.3, ge=0.1)
    """Shortest time between two passes over the current utterance, seconds; longer on a slow machine."""
    live_pause_s: float = Field(0.7, ge=0.3)
    """Length of the pause that ends an utterance, seconds."""
    live_utterance_s: float = Field(20.0, ge=5.0)
    """Longest utterance, seconds; a longer one is cut at its best pause."""
    live_idle_s: float = Field(30.0, gt=0)
    """Time without audio after which a live session is ended, seconds."""
    live_session_s: float = Field(7200.0, gt=0)
    """Longest audio of one live session, seconds."""

    # --- logs ---
    log_level: str = "INFO"
    """Least severe messages that are logged: DEBUG, INFO, WARNING or ERROR."""
    log_json: bool = False
    """Whether each log line is a JSON object instead of readable text."""
    traces: bool = False
    """Whether a trace of each task is exported with OpenTelemetry, which the extra ``otel`` installs; its own
    variables (``OTEL_EXPORTER_OTLP_ENDPOINT``) say where to."""
    record_folder: Path | None = None
    """Debugging: folder in which to record the frames of every request, users' audio included.
    ``wav2vec2-app debug replay FOLDER`` replays the recording of one request."""

    @model_validator(mode="after")
    def _overlap_fits(self) -> Settings:
        if self.window_overlap_s > self.window_s / 2:
            raise ValueError("window_overlap_s must be at most half of window_s")
        return self

    @field_validator("gama_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip()
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError(
                "gama_url must be a URL (https://…) or the name of a Space (user/space)"
            )
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        value = value.upper()
        if value not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("log_level must be one of DEBUG, INFO, WARNING, ERROR")
        return value

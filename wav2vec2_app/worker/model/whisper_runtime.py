"""Loads a Whisper checkpoint with faster-whisper (CTranslate2) on the best device."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final, cast

from wav2vec2_app.errors import ModelError, ResourceError
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.whisper_files import WhisperCheckpoint, broken_model

log = logging.getLogger(__name__)

COMPUTE_TYPES: Final = {
    ("cpu", "auto"): "int8",
    ("cpu", "int8"): "int8",
    ("cuda", "auto"): "float16",
    ("cuda", "int8"): "int8_float16",
    ("cpu", "fp32"): "float32",
    ("cuda", "fp32"): "float32",
    ("cpu", "bf16"): "bfloat16",
    ("cuda", "bf16"): "bfloat16",
}
"""CTranslate2's type by device and the setting ``precision``; float32 where the device lacks it."""

NO_MPS: Final = "Whisper runs on the CPU: its engine does not support this accelerator."
NO_CUDA: Final = "Whisper runs on the CPU: the GPU failed."


@dataclass(frozen=True)
class WhisperOptions:
    """How models are run.

    Attributes:
        device, precision: as in the settings.
        threads: on a CPU.
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int = 1


class CancellableModel:
    """CTranslate2's model, which checks for cancellation before each pass of encoder and decoder.

    A pass cannot be interrupted; one window needs a few: the decoder runs again with another
    temperature where a result looks wrong.
    """

    def __init__(self, model: object) -> None:
        self._model = model
        self.check: CheckCancelled = never_cancelled

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def encode(self, *arguments: object, **named: object) -> object:
        self.check()
        return cast(Any, self._model).encode(*arguments, **named)

    def generate(self, *arguments: object, **named: object) -> object:
        self.check()
        return cast(Any, self._model).generate(*arguments, **named)


@dataclass(frozen=True)
class LoadedWhisper:
    """faster-whisper's model, what it runs on, and a note about a fallback."""

    model: Any
    device: str
    precision: str
    note: str = ""

    @property
    def passes(self) -> CancellableModel:
        """Where to set the check for cancellation."""
        return cast(CancellableModel, self.model.model)


def load_whisper(checkpoint: WhisperCheckpoint, options: WhisperOptions) -> LoadedWhisper:
    """Load a checkpoint; a GPU that fails is replaced by the CPU.

    Raises:
        ModelError: ``model.extra_missing``, ``model.broken``.
        ResourceError: ``resource.memory``.
    """
    device, note = _device(options.device)
    if device.startswith("cuda"):
        try:
            return _load(checkpoint, device, options, note)
        except ModelError:
            log.exception("the GPU cannot run %s", checkpoint.name)
            device, note = "cpu", NO_CUDA
    return _load(checkpoint, device, options, note)


def load_on_cpu(checkpoint: WhisperCheckpoint, options: WhisperOptions) -> LoadedWhisper:
    """Load a checkpoint on the CPU, because the GPU failed."""
    return _load(checkpoint, "cpu", options, NO_CUDA)


def _load(
    checkpoint: WhisperCheckpoint, device: str, options: WhisperOptions, note: str
) -> LoadedWhisper:
    library = whisper_library()
    kind, _, index = device.partition(":")
    precision = _compute_type(kind, options.precision)
    try:
        model = library.WhisperModel(
            str(checkpoint.path),
            device=kind,
            device_index=int(index or 0),
            compute_type=precision,
            cpu_threads=options.threads,
            local_files_only=True,
        )
    except MemoryError:
        raise
    except Exception as error:  # of CTranslate2, tokenizers and json, which have no common base
        raise out_of_memory(error) or broken_model() from error
    model.model = CancellableModel(model.model)
    return LoadedWhisper(model, device, precision, note)


def whisper_library() -> Any:
    """The module ``faster_whisper``, imported when the first model is loaded.

    Raises:
        ModelError: ``model.extra_missing``: it is not installed, or not usable.
    """
    try:
        import faster_whisper
    except (ImportError, OSError) as error:
        raise extra_missing() from error
    return faster_whisper


def extra_missing() -> ModelError:
    """The error that the extra ``whisper`` is not installed."""
    return ModelError(
        "Whisper is not installed on this server.",
        code="model.extra_missing",
        severity="warning",
        hint="Install it with: pip install 'wav2vec2-app[whisper]'.",
    )


def out_of_memory(error: Exception) -> ResourceError | None:
    """The error of this application for an allocation that failed in CTranslate2; else ``None``."""
    text = str(error).lower()
    if not any(sign in text for sign in ("out of memory", "alloc", "bad_alloc")):
        return None
    return ResourceError(
        "The machine ran out of memory for this model.",
        code="resource.memory",
        hint="Choose a smaller model.",
    )


def _device(wanted: str) -> tuple[str, str]:
    """The device of CTranslate2 for the setting, and a note if it is another one."""
    if wanted == "auto":
        return ("cuda" if _cuda_devices() else "cpu"), ""
    if wanted.startswith("cuda"):
        return (wanted, "") if _cuda_devices() else ("cpu", NO_CUDA)
    return "cpu", "" if wanted == "cpu" else NO_MPS


def _cuda_devices() -> int:
    whisper_library()
    import ctranslate2

    return int(ctranslate2.get_cuda_device_count())


def _compute_type(device: str, precision: str) -> str:
    import ctranslate2

    wanted = COMPUTE_TYPES[device, precision]
    return wanted if wanted in ctranslate2.get_supported_compute_types(device) else "float32"

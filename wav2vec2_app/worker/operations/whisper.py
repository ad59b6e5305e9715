"""The operation of the ``whisper`` role: transcribe one window of a recording.

faster-whisper is imported with the first request, so that a server without it says what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol import codec
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Context
from wav2vec2_app.protocol.whisper import WhisperProgress, WhisperRequest, WhisperResponse
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model.whisper import WhisperRecognizer, WhisperText
from wav2vec2_app.worker.model.whisper_files import WhisperCheckpoint, resolve_whisper
from wav2vec2_app.worker.model.whisper_runtime import WhisperOptions, whisper_library
from wav2vec2_app.worker.stages import sequence

NOTICEABLE_LOOKUP_S = 0.01
"""Looking up the loaded model takes less, seconds."""


@dataclass(frozen=True)
class WhisperConfig:
    """The role's configuration.

    Attributes:
        allowed: models of the hub that may be used.
        folders: of local models.
        device, precision, threads: see :class:`WhisperOptions`.
    """

    allowed: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    device: str = "auto"
    precision: str = "auto"
    threads: int = 1


class LoadedModel:
    """The loaded recognizer; loading another one releases it."""

    def __init__(self, config: WhisperConfig) -> None:
        self._config = config
        self._options = WhisperOptions(config.device, config.precision, config.threads)
        self._loaded: tuple[WhisperCheckpoint, WhisperRecognizer] | None = None

    def get(self, name: str) -> WhisperRecognizer:
        """The recognizer called ``name``, loaded now if necessary.

        Raises:
            ModelError: also if the files of a loaded model are no longer there.
        """
        whisper_library()
        checkpoint = resolve_whisper(name, self._config.allowed, self._config.folders)
        if self._loaded is None or self._loaded[0] != checkpoint:
            self._loaded = None  # before the next one is in memory
            self._loaded = checkpoint, WhisperRecognizer(checkpoint, self._options)
        return self._loaded[1]


def create(config: Mapping[str, object]) -> Role:
    """The role; ``config`` has the fields of :class:`WhisperConfig`."""
    models = LoadedModel(codec.unpack(WhisperConfig, Body(config)))

    def run(request: WhisperRequest, context: Context[WhisperProgress]) -> WhisperResponse:
        return transcribe(request, context, models)

    return Role((WhisperRequest.handler(run),))


def transcribe(
    request: WhisperRequest, context: Context[WhisperProgress], models: LoadedModel
) -> WhisperResponse:
    """Transcribe one window; each segment is reported."""
    if not len(request.samples):
        raise InputError("There are no samples to transcribe.", code="audio.no_samples")
    begin = time.perf_counter()
    recognizer = models.get(request.model)
    loaded = time.perf_counter()

    def report(found: WhisperText, end_s: float) -> None:
        model = recognizer.info(found.language)
        context.progress(WhisperProgress(found.text, found.words, end_s, found.language, model))

    found = recognizer.transcribe(
        request.samples,
        language=request.language,
        beam_size=request.beam_size,
        hotwords=request.hotwords,
        check=context.check_cancelled,
        report=report,
    )
    loaded_s = loaded - begin
    stages = sequence(
        {
            "load model": loaded_s if loaded_s > NOTICEABLE_LOOKUP_S else 0.0,
            "whisper": time.perf_counter() - loaded,
        }
    )
    return WhisperResponse(
        found.text,
        found.words,
        found.language,
        recognizer.info(found.language),
        found.reason,
        stages=stages,
    )

"""Operations of the ``inference`` role: load a model, turn samples into emissions."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.inference import (
    EmitRequest,
    EmitResponse,
    InferenceInfo,
    LoadRequest,
    LoadResponse,
)
from wav2vec2_app.protocol.message import BatchPolicy, Context, Empty
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED, ModelChoice, ModelInfo
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model.engines.choose import EngineOptions, choose
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint, CheckpointPolicy, known_names, resolve
from wav2vec2_app.worker.stages import sequence

log = logging.getLogger(__name__)

MAX_LOADED_MODELS = 2
"""Models in memory; the least recently used is unloaded first."""
NOTICEABLE_LOAD_S = 0.01
"""Looking up a loaded model takes less, seconds; more means that this request loaded it."""


class Models:
    """The loaded recognizers, by the folder and language of their checkpoint."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._policy = CheckpointPolicy.from_config(config)
        self._loaded: OrderedDict[tuple[Path, str], Recognizer] = OrderedDict()
        self._unusable: set[Path] = set()
        self._languages: dict[tuple[Path, str], tuple[str, tuple[str, ...]]] = {}
        self._default: ModelInfo

    def get(self, name: str) -> Recognizer:
        """The recognizer of the model called ``name``, loaded now if necessary.

        ``auto`` falls back to the embedded model if the files of a better one are damaged.
        """
        checkpoint = resolve(name, self._policy, unusable=frozenset(self._unusable))
        try:
            recognizer = self._load(checkpoint)
        except ModelError as error:
            if name != AUTO_MODEL or checkpoint.source == EMBEDDED:
                raise
            log.error("%s cannot be used: %s", checkpoint.name, error.message)
            self._unusable.add(checkpoint.path)
            return self.get(name)
        if name == self._config["model"]:
            self._default = recognizer.info
        return recognizer

    def _load(self, checkpoint: Checkpoint) -> Recognizer:
        key = (checkpoint.path, checkpoint.language)
        recognizer = self._loaded.get(key)
        if recognizer is None:
            while len(self._loaded) >= MAX_LOADED_MODELS:
                self._loaded.popitem(last=False)
            recognizer = self._loaded[key] = Recognizer(
                checkpoint,
                choose(EngineOptions.from_config(self._config)),
            )
        recognizer.checkpoint = checkpoint
        self._loaded.move_to_end(key)
        return recognizer

    def batch(self, name: str) -> int:
        """How many windows the model of this name computes faster as a batch; 1 if it is not loaded yet.

        Raises:
            ModelError: there is no such model.
        """
        checkpoint = resolve(name, self._policy, unusable=frozenset(self._unusable))
        recognizer = self._loaded.get((checkpoint.path, checkpoint.language))
        return recognizer.batch_size if recognizer else 1

    def info(self) -> InferenceInfo:
        """The default model and the models to choose from."""
        choices = tuple(self._choice(name) for name in known_names(self._policy))
        return InferenceInfo(self._default, choices)

    def _choice(self, name: str) -> ModelChoice:
        try:
            checkpoint = resolve(name, self._policy)
        except ModelError:
            return ModelChoice(name, name, ready=False)
        key = (checkpoint.path, checkpoint.language)
        if key not in self._languages:
            self._languages[key] = (checkpoint.transcribes, checkpoint.languages)
        return ModelChoice(name, name, True, *self._languages[key])


def create(config: Mapping[str, Any]) -> Role:
    """The role, with the default model loaded, so that *ready* means ready to answer."""
    models = Models(config)
    models.get(config["model"])

    def load_model(request: LoadRequest, _: Context[Empty]) -> LoadResponse:
        return load(request, models)

    def emit_one(request: EmitRequest, context: Context[Empty]) -> EmitResponse:
        context.check_cancelled()
        return emit([request], models)[0]

    batch = BatchPolicy[EmitRequest, EmitResponse](
        run=lambda requests: emit(requests, models),
        key=lambda request: (request.model, len(request.samples)),
        limit=lambda request: models.batch(request.model),
    )
    return Role(
        (LoadRequest.handler(load_model), EmitRequest.handler(emit_one, batch)), info=models.info
    )


def load(request: LoadRequest, models: Models) -> LoadResponse:
    """Load a model, unless it is loaded."""
    recognizer = models.get(request.model)
    return LoadResponse(recognizer.info, recognizer.grid, recognizer.batch_size)


def emit(requests: Sequence[EmitRequest], models: Models) -> list[EmitResponse]:
    """Compute the emissions of one batch: all requests are of one model and one length."""
    if not all(len(request.samples) for request in requests):
        raise InputError("There are no samples to transcribe.", code="audio.no_samples")
    begin = time.perf_counter()
    recognizer = models.get(requests[0].model)
    loaded_s = time.perf_counter() - begin
    begin = time.perf_counter()
    emissions = recognizer.emit_batch(
        [request.samples for request in requests], [request.level for request in requests]
    )
    forward_s = time.perf_counter() - begin
    stages = sequence(
        {
            "load model": loaded_s if loaded_s > NOTICEABLE_LOAD_S else 0.0,
            "forward": forward_s / len(requests),
        }
    )
    return [
        EmitResponse(emission, recognizer.info, len(requests), recognizer.batch_size, stages=stages)
        for emission in emissions
    ]

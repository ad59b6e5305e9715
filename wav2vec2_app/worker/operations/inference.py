"""Operations of the ``inference`` role: load a model, turn samples into an emission."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.emissions import pack_emission
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED, ModelInfo
from wav2vec2_app.speech.windows import Level
from wav2vec2_app.worker.loop import Call, Operations, Reply, Together
from wav2vec2_app.worker.model.engines.choose import EngineOptions, choose
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint, ModelPolicy, known_names, resolve
from wav2vec2_app.worker.stages import in_turn

log = logging.getLogger(__name__)

KEPT_MODELS = 2
"""Models held in memory at once; the least recently used goes first."""
NOTICEABLE_S = 0.01
"""Looking up a loaded model takes less, seconds; more means that this request loaded it."""


class Models:
    """The loaded recognizers, by the folder and language of their checkpoint."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._policy = ModelPolicy.from_config(config)
        self._loaded: OrderedDict[tuple[Path, str], Recognizer] = OrderedDict()
        self._unusable: set[Path] = set()
        self._default: ModelInfo

    def get(self, name: str) -> Recognizer:
        """The recognizer that answers to ``name``, loaded now if need be.

        ``auto`` falls back to the embedded model where a better one's files cannot be used.
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
            while len(self._loaded) >= KEPT_MODELS:
                self._loaded.popitem(last=False)
            recognizer = self._loaded[key] = Recognizer(
                checkpoint,
                choose(EngineOptions.from_config(self._config)),
            )
        recognizer.checkpoint = checkpoint
        self._loaded.move_to_end(key)
        return recognizer

    def together(self, name: str) -> int:
        """How many recordings the model of this name hears at once; 1 if it is not loaded yet.

        Raises:
            ModelError: there is no such model.
        """
        checkpoint = resolve(name, self._policy, unusable=frozenset(self._unusable))
        recognizer = self._loaded.get((checkpoint.path, checkpoint.language))
        return recognizer.batch_size if recognizer else 1

    def describe(self) -> dict[str, Any]:
        """The default model and every choice, for the page's status."""
        choices = [
            {"name": name, "ready": self._on_disk(name)} for name in known_names(self._policy)
        ]
        return {"model": asdict(self._default), "choices": choices}

    def _on_disk(self, name: str) -> bool:
        try:
            resolve(name, self._policy)
        except ModelError:
            return False
        return True


def create(config: Mapping[str, Any]) -> Operations:
    """Load the default model, so that *ready* means ready to answer."""
    models = Models(config)
    models.get(config["model"])
    together = Together(
        handler=lambda calls: emit_together(calls, models),
        key=lambda call: (call.meta["model"], len(_samples(call))),
        most=lambda call: models.together(call.meta["model"]),
    )
    return Operations(
        handlers={
            "load": lambda call: load(call, models),
            "emit": lambda call: emit_together([call], models)[0],
        },
        together={"emit": together},
        info=models.describe,
    )


def load(call: Call, models: Models) -> Reply:
    """Have a model ready; tells what it is, the geometry of its frames, and how many it hears at once."""
    recognizer = models.get(call.meta["model"])
    about = {"grid": asdict(recognizer.grid), "together": recognizer.batch_size}
    return Reply({"model": asdict(recognizer.info), **about})


def emit_together(calls: Sequence[Call], models: Models) -> list[Reply]:
    """For each: ``samples`` float32 ``(n,)`` to ``log_probs`` float32 ``(frames, tokens)`` and their meaning.

    All are of one length and for one model. Meta ``level`` says that they are a window of a longer
    recording, whose mean and deviation it has.
    """
    recordings = [_samples(call) for call in calls]
    if not all(len(samples) for samples in recordings):
        raise InputError("There are no samples to transcribe.", code="audio.no_samples")
    begin = time.perf_counter()
    recognizer = models.get(calls[0].meta["model"])
    loaded_s = time.perf_counter() - begin

    if len(calls) == 1:
        calls[0].check_cancelled()
    middle = time.perf_counter()
    emissions = recognizer.emit_batch(recordings, [_level(call) for call in calls])
    forward_s = time.perf_counter() - middle
    load = {"load model": loaded_s} if loaded_s > NOTICEABLE_S else {}
    about = {
        "model": asdict(recognizer.info),
        "stages": in_turn({**load, "forward": forward_s / len(calls)}),
        "together": len(calls),
    }
    packed = [pack_emission(emission) for emission in emissions]
    return [Reply({**about, "emission": meta}, arrays) for meta, arrays in packed]


def _samples(call: Call) -> Float32:
    samples = call.arrays.get("samples")
    if samples is None or samples.ndim != 1:
        return np.empty(0, np.float32)
    return samples


def _level(call: Call) -> Level | None:
    told = call.meta.get("level")
    return Level(**told) if told else None

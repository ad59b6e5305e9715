"""Operations of the ``inference`` role: load a model, turn samples into a transcript."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.model.engines.choose import EngineOptions, choose
from wav2vec2_app.model.recognizer import Recognizer, recognize
from wav2vec2_app.model.resolve import (
    EMBEDDED,
    Checkpoint,
    ModelPolicy,
    known_names,
    resolve,
)
from wav2vec2_app.types import AUTO_MODEL, ModelInfo
from wav2vec2_app.worker.loop import Call, Operations, Reply

log = logging.getLogger(__name__)

KEPT_MODELS = 2
"""Models held in memory at once; the least recently used goes first."""
NOTICEABLE_S = 0.01
"""Looking up a loaded model takes less, seconds; more means that this request loaded it."""


class Models:
    """The loaded recognizers, by the folder of their checkpoint."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._policy = ModelPolicy.from_config(config)
        self._loaded: OrderedDict[Path, Recognizer] = OrderedDict()
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
        recognizer = self._loaded.get(checkpoint.path)
        if recognizer is None:
            while len(self._loaded) >= KEPT_MODELS:
                self._loaded.popitem(last=False)
            recognizer = self._loaded[checkpoint.path] = Recognizer(
                checkpoint,
                choose(EngineOptions.from_config(self._config)),
                window_s=self._config["window_s"],
                overlap_s=self._config["window_overlap_s"],
            )
            if checkpoint.source == EMBEDDED and self._config["decoder"] != "greedy":
                recognizer.use_language_model(Path(self._config["language_model"]))
        recognizer.checkpoint = checkpoint
        self._loaded.move_to_end(checkpoint.path)
        return recognizer

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
    return Operations(
        handlers={
            "load": lambda call: Reply({"model": asdict(models.get(call.meta["model"]).info)}),
            "transcribe": lambda call: transcribe(call, models),
        },
        info=models.describe,
    )


def transcribe(call: Call, models: Models) -> Reply:
    """``samples`` float32 ``(n,)`` to words; ``log_probs`` float16 ``(frames, tokens)`` beside."""
    samples = call.arrays.get("samples")
    if samples is None or samples.ndim != 1 or not len(samples):
        raise InputError("There are no samples to transcribe.", code="audio.no_samples")
    begin = time.perf_counter()
    recognizer = models.get(call.meta["model"])
    loaded_s = time.perf_counter() - begin

    def report(fraction: float) -> None:
        call.check_cancelled()
        call.progress({"fraction": fraction})

    call.check_cancelled()
    found = recognize(recognizer, samples, report)
    emission = found.emission
    return Reply(
        {
            "transcript": asdict(found.transcript),
            "emission": {
                "vocabulary": list(emission.vocabulary),
                "blank_id": emission.blank_id,
                "word_delimiter": emission.word_delimiter,
                "frame_s": emission.frame_s,
            },
            "stages": _stages(
                {
                    "load model": loaded_s if loaded_s > NOTICEABLE_S else 0.0,
                    "forward": found.forward_s,
                    "decode text": found.decode_s,
                }
            ),
        },
        {"log_probs": emission.log_probs},
    )


def _stages(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """Steps one after the other as stages; steps that took no time are left out."""
    stages: list[dict[str, Any]] = []
    start_s = 0.0
    for name, duration_s in seconds.items():
        if duration_s > 0:
            stages.append({"name": name, "start_s": start_s, "duration_s": duration_s})
        start_s += duration_s
    return stages

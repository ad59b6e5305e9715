"""The models of a worker: which name means which checkpoint, and which of them are loaded."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from wav2vec2_app.errors import ModelError
from wav2vec2_app.memory import private_bytes
from wav2vec2_app.protocol.inference import NOT_LOADED, UNLIMITED_BYTES
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED, ModelChoice, ModelInfo
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.engines.choose import EngineOptions, choose
from wav2vec2_app.worker.model.loaded import Key, LoadedModels, free_bytes
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint, CheckpointPolicy, known_names, resolve

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Room:
    """The room for a model.

    Attributes:
        memory_bytes: private memory that this process may use.
        unload_others: whether others may be unloaded.
        check_cancelled: called while that takes time.
    """

    memory_bytes: int = UNLIMITED_BYTES
    unload_others: bool = True
    check_cancelled: CheckCancelled = never_cancelled


@dataclass(frozen=True)
class Used:
    """The recognizer that answers, and what it is under the requested name.

    ``better_on_disk``: a better one can be loaded.
    """

    recognizer: Recognizer
    info: ModelInfo
    better_on_disk: bool = False


class Models:
    """Finds, loads and unloads recognizers. One thread uses them while another one loads and unloads.

    Args:
        config: of the worker.
        loaded: those in memory.
    """

    def __init__(self, config: Mapping[str, Any], loaded: LoadedModels | None = None) -> None:
        self._config = config
        self._policy = CheckpointPolicy.from_config(config)
        self._loaded = LoadedModels() if loaded is None else loaded
        self._unusable: set[Path] = set()
        self._languages: dict[Key, tuple[str, tuple[str, ...]]] = {}
        self.default: ModelInfo
        """The default model as it answered last."""

    # --- the thread that computes ---

    def use(self, name: str) -> Used:
        """The recognizer of the model called ``name``.

        For ``auto`` it is the embedded one until a better one has been loaded for the first time.

        Raises:
            ModelError: :data:`NOT_LOADED`; or there is no such model.
        """
        try:
            checkpoint = self._resolve(name)
        except ModelError:
            self._loaded.unload_missing()
            raise
        key = _key(checkpoint)
        recognizer = self._loaded.use(key)
        if recognizer is not None:
            return Used(recognizer, self._noted(name, recognizer.info_as(checkpoint)))
        if name == AUTO_MODEL and not self._loaded.was_loaded(key):
            stand_in = self._resolve(EMBEDDED)
            recognizer = self._loaded.use(_key(stand_in))
            if recognizer is not None:
                note = "The small embedded model is used until the larger one is loaded."
                info = recognizer.info_as(replace(stand_in, note=note))
                return Used(recognizer, info, better_on_disk=True)
        raise ModelError(
            f"The model {checkpoint.name} is not loaded.",
            code=NOT_LOADED,
            severity="warning",
            retryable=True,
            metadata={"model": checkpoint.name},
        )

    def batch(self, name: str) -> int:
        """How many windows the model of this name computes faster as a batch; 1 if it is not loaded yet.

        Raises:
            ModelError: there is no such model.
        """
        recognizer = self._loaded.peek(_key(self._resolve(name)))
        return recognizer.batch_size if recognizer else 1

    # --- the thread that loads ---

    def load(self, name: str, room: Room = Room()) -> ModelInfo:
        """Load the model called ``name``, unless it is loaded.

        ``auto`` falls back to the embedded model if a better one cannot be loaded.

        Raises:
            ModelError: there is no such model, or it cannot be loaded (``model.too_large``,
            ``model.no_room``: there is no memory for it).
        """
        checkpoint = self._resolve(name)
        try:
            return self._noted(name, self._load(checkpoint, room).info_as(checkpoint))
        except ModelError as error:
            if name != AUTO_MODEL or checkpoint.source == EMBEDDED or error.code == "model.no_room":
                raise
            log.error("%s cannot be used: %s", checkpoint.name, error.message)
            self._unusable.add(checkpoint.path)
            return self.load(name, room)

    def unload_idle(self, idle_s: float, keep: tuple[str, ...]) -> int:
        """Unload models that were idle for so long, except those called ``keep``; how many."""
        return len(self._loaded.unload_idle(idle_s, self._keys_of(keep)))

    def unload_missing(self) -> int:
        """Unload models whose folder is gone; how many."""
        return len(self._loaded.unload_missing())

    def shrink(self, memory_bytes: int) -> int:
        """Unload all but the default model until the memory is below the limit; how many."""
        before = len(self._loaded)
        free = partial(free_bytes, self._config["device"], memory_bytes)
        self._loaded.make_room(0, free, keep=self._keys_of((self._config["model"],)), wait=False)
        return before - len(self._loaded)

    def _load(self, checkpoint: Checkpoint, room: Room) -> Recognizer:
        key = _key(checkpoint)
        found = self._loaded.peek(key)
        if found is not None:
            return found
        needed = checkpoint.weights.stat().st_size
        self._make_room(checkpoint, needed, room)
        before = private_bytes()
        options = EngineOptions.from_config(self._config)
        recognizer = Recognizer(checkpoint, choose(options))
        size_bytes = min(max(private_bytes() - before, needed // 4), 2 * needed)
        self._loaded.add(key, recognizer, size_bytes)
        if room.unload_others:  # it may have needed more than expected
            free = partial(free_bytes, self._config["device"], room.memory_bytes)
            self._loaded.make_room(0, free, keep={key}, wait=False)
        return recognizer

    def _make_room(self, checkpoint: Checkpoint, needed: int, room: Room) -> None:
        free = partial(free_bytes, self._config["device"], room.memory_bytes)
        if not room.unload_others:
            if free() < needed:
                raise _no_room(checkpoint, needed)
        elif needed > max(room.memory_bytes, free()):  # more is free on an accelerator
            raise _too_large(checkpoint, needed, room.memory_bytes)
        else:
            self._loaded.make_room(needed, free, room.check_cancelled)

    # --- any thread ---

    def choices(self) -> tuple[ModelChoice, ...]:
        """The models to choose from."""
        folders = self._loaded.folders()
        return tuple(self._choice(name, folders) for name in known_names(self._policy))

    def _choice(self, name: str, loaded: frozenset[Path]) -> ModelChoice:
        try:
            checkpoint = resolve(name, self._policy, unusable=frozenset(self._unusable))
        except ModelError:
            return ModelChoice(name, name, ready=False)
        key = _key(checkpoint)
        if key not in self._languages:
            self._languages[key] = (checkpoint.transcribes, checkpoint.languages)
        state = "loaded" if checkpoint.path in loaded else "on-disk"
        return ModelChoice(name, name, True, *self._languages[key], state=state)

    def _noted(self, name: str, info: ModelInfo) -> ModelInfo:
        if name == self._config["model"]:
            self.default = info
        return info

    def _resolve(self, name: str) -> Checkpoint:
        return resolve(name, self._policy, unusable=frozenset(self._unusable))

    def _keys_of(self, names: tuple[str, ...]) -> set[Key]:
        keys = set()
        for name in names:
            with contextlib.suppress(ModelError):
                keys.add(_key(self._resolve(name)))
        return keys


def _key(checkpoint: Checkpoint) -> Key:
    return checkpoint.path, checkpoint.language


def _too_large(checkpoint: Checkpoint, needed: int, allowed: int) -> ModelError:
    return ModelError(
        f"The model {checkpoint.name} needs {needed / 1e6:.0f} MB; "
        f"there is memory for {max(0, allowed) / 1e6:.0f} MB.",
        code="model.too_large",
        hint="Choose a smaller model, or raise WAV2VEC2_MEMORY_LIMIT_BYTES.",
        metadata={"model": checkpoint.name, "needed_bytes": needed},
    )


def _no_room(checkpoint: Checkpoint, needed: int) -> ModelError:
    return ModelError(
        f"There is no room for the model {checkpoint.name} beside the loaded ones.",
        code="model.no_room",
        hint="Raise WAV2VEC2_MEMORY_LIMIT_BYTES.",
        metadata={"model": checkpoint.name, "needed_bytes": needed},
    )

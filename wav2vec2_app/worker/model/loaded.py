"""The recognizers in memory: the least recently used ones are unloaded to make room for others."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from wav2vec2_app.memory import private_bytes
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.release import return_memory

log = logging.getLogger(__name__)

Key = tuple[Path, str]
"""Folder and language of a checkpoint."""

MIN_LOADED_S = 5.0
"""A model stays at least so long, seconds. So two that do not fit together answer alternately."""
MIN_UNUSED_S = 30.0
"""A model that has not answered yet stays at least so long, seconds: a request waits for it."""
DEVICE_RESERVE_BYTES = 1 << 30
"""Memory of an accelerator that is left for forward passes, bytes."""
_WAIT_S = 0.1


@dataclass
class _Loaded:
    recognizer: Recognizer
    size_bytes: int
    loaded_s: float
    used_s: float
    answered: bool = False

    @property
    def may_go_s(self) -> float:
        """When it may be unloaded to make room for another."""
        return self.loaded_s + (MIN_LOADED_S if self.answered else MIN_UNUSED_S)


class LoadedModels:
    """Recognizers by folder and language. One thread uses them while another one loads and unloads.

    Args:
        clock: monotonic, seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._models: dict[Key, _Loaded] = {}
        self._known: set[Key] = set()

    def __contains__(self, key: Key) -> bool:
        return key in self._models

    def __len__(self) -> int:
        return len(self._models)

    def folders(self) -> frozenset[Path]:
        """The folders of the loaded checkpoints."""
        with self._lock:
            return frozenset(folder for folder, _ in self._models)

    def was_loaded(self, key: Key) -> bool:
        """Whether it is loaded, or was at some time."""
        return key in self._known

    def peek(self, key: Key) -> Recognizer | None:
        """The recognizer, if it is loaded."""
        with self._lock:
            found = self._models.get(key)
            return found.recognizer if found else None

    def use(self, key: Key) -> Recognizer | None:
        """The recognizer, if it is loaded; it is the most recently used one then."""
        with self._lock:
            found = self._models.get(key)
            if found is None:
                return None
            found.used_s, found.answered = self._clock(), True
            return found.recognizer

    def add(self, key: Key, recognizer: Recognizer, size_bytes: int) -> None:
        """Add one that was loaded."""
        now_s = self._clock()
        with self._lock:
            self._models[key] = _Loaded(recognizer, size_bytes, now_s, now_s)
            self._known.add(key)

    def unload_missing(self) -> tuple[Key, ...]:
        """Unload those whose folder is gone."""
        return self._unload([key for key in list(self._models) if not key[0].is_dir()])

    def unload_idle(self, idle_s: float, keep: Collection[Key]) -> tuple[Key, ...]:
        """Unload those that were not used for ``idle_s`` seconds, except ``keep``."""
        last_s = self._clock() - idle_s
        with self._lock:
            idle = [k for k, one in self._models.items() if one.used_s <= last_s and k not in keep]
        return self._unload(idle)

    def make_room(
        self,
        needed_bytes: int,
        free_bytes: Callable[[], int],
        check_cancelled: CheckCancelled = never_cancelled,
        keep: Collection[Key] = (),
        *,
        wait: bool = True,
    ) -> None:
        """Unload the least recently used ones, except ``keep``, until ``needed_bytes`` are free.

        ``wait``: until they may be unloaded. Memory of one that computes is freed when it has finished;
        it counts as free before.
        """
        expected = free_bytes()
        while needed_bytes > max(expected, free_bytes()):
            check_cancelled()
            with self._lock:
                candidates = [(one.used_s, k) for k, one in self._models.items() if k not in keep]
                now_s = self._clock()
                may_go = [found for found in candidates if self._models[found[1]].may_go_s <= now_s]
            if not (may_go or (candidates and wait)):
                return
            if not may_go:
                self._sleep(_WAIT_S)
                continue
            _, key = min(may_go)
            with self._lock:
                expected += self._models[key].size_bytes if key in self._models else 0
            self._unload([key])

    def _unload(self, keys: Collection[Key]) -> tuple[Key, ...]:
        with self._lock:
            gone = [(key, self._models.pop(key, None)) for key in keys]
        unloaded = tuple(key for key, one in gone if one is not None)
        del gone
        if unloaded:
            log.info("unloaded %s", ", ".join(folder.name for folder, _ in unloaded))
            return_memory()
            _return_device_memory()
        return unloaded


def free_bytes(device: str, limit_bytes: int) -> int:
    """Memory for another model: of the accelerator if it is used, else up to the limit of this process.

    Args:
        device: from the settings; ``auto`` is an accelerator if PyTorch has found one.
        limit_bytes: private memory that this process may use.
    """
    torch = sys.modules.get("torch")
    may_be_cuda = device == "auto" or device.startswith("cuda")
    if may_be_cuda and torch is not None and torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info(device if ":" in device else None)
        return int(free) - DEVICE_RESERVE_BYTES
    return limit_bytes - private_bytes()


def _return_device_memory() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()

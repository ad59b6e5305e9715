"""Results that are kept for a while, so that decoding them anew or asking again needs no model."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wav2vec2_app.server.tasks import AudioResult, AudioTask
from wav2vec2_app.speech.audio import Audio, AudioSource
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

BLOCK = 1 << 20
MAX_OTHER_IDS = 10_000
"""Ids of tasks that went back to an earlier one; beyond these, those of what is gone are dropped."""


@dataclass(frozen=True)
class CachedResult:
    """What is left of one finished task.

    ``decoding`` is how its transcript was read, ``drawn`` the pictures of that transcript.
    """

    session: str
    content: str
    model: str
    audio: Audio
    recognition: Recognition
    decoding: DecodingOptions
    features: Features | None = None
    pictures: tuple[Picture, ...] = ()
    since_s: float = 0.0

    @property
    def size_bytes(self) -> int:
        """Of its arrays and pictures in memory; long audio is on disk."""
        features, samples = self.features, self.audio.samples
        size = 0 if isinstance(samples, np.memmap) else samples.nbytes
        size += self.recognition.emission.log_probs.nbytes
        if features is not None:
            size += features.log_mel_db.nbytes + features.mfcc.nbytes
            size += features.f0_hz.nbytes + features.energy_db.nbytes
        return size + sum(len(picture.svg) for picture in self.pictures)


class ResultCache:
    """The results of late, by the task's id; the least recently used go first.

    Whoever knows an id may use it (ids are random UUIDs). By its content a recording is found only
    in the session that sent it, or in every session where ``shared`` is set.

    Args:
        limit_bytes: of all together; 0 keeps nothing.
        cache_s: how long, seconds.
        shared: whether the same recording of another person is answered from here, too.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        *,
        limit_bytes: int,
        cache_s: float,
        shared: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._keep_s = cache_s
        self._shared = shared
        self._clock = clock
        self._kept: OrderedDict[str, CachedResult] = OrderedDict()
        self._other_ids: dict[str, str] = {}
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def get(self, task_id: str) -> CachedResult | None:
        """What is left of a task; ``None`` if nothing is."""
        self._drop_old()
        task_id = self._other_ids.get(task_id, task_id)
        kept = self._kept.get(task_id)
        if kept is not None:
            self._kept.move_to_end(task_id)
        return kept

    def find(self, task: AudioTask, content: str) -> CachedResult | None:
        """What is left of the same recording, heard by the same model."""
        self._drop_old()
        for task_id, kept in reversed(self._kept.items()):
            if (
                content
                and (kept.content, kept.model) == (content, task.model)
                and (self._shared or (task.session and kept.session == task.session))
            ):
                self._kept.move_to_end(task_id)
                return kept
        return None

    def keep(
        self,
        task: AudioTask,
        content: str,
        result: AudioResult,
        *,
        origin: CachedResult | None = None,
    ) -> None:
        """Keep what a finished task found, if it has a transcript and there is room for it.

        A task that went back to ``origin`` shares what is kept of that; its extras are added there.
        """
        if origin is not None:
            self._add(task, result, origin)
            return
        if result.recognition is None:
            return
        kept = CachedResult(
            task.session,
            content,
            task.model,
            result.audio,
            result.recognition,
            task.decoding,
            result.features,
            result.pictures,
            self._clock(),
        )
        self._put(task.id, kept)

    def _add(self, task: AudioTask, result: AudioResult, origin: CachedResult) -> None:
        known = next((i for i, kept in self._kept.items() if kept is origin), None)
        if known is None:
            return
        self._other_ids[task.id] = known
        features = result.features or origin.features
        pictures = origin.pictures
        if result.pictures and task.decoding == origin.decoding:
            pictures = result.pictures
        self._drop(known)
        self._put(known, replace(origin, features=features, pictures=pictures))

    def _put(self, task_id: str, kept: CachedResult) -> None:
        if kept.size_bytes > self._limit_bytes:
            return
        self._kept[task_id] = kept
        self._size_bytes += kept.size_bytes
        while self._size_bytes > self._limit_bytes:
            self._drop(next(iter(self._kept)))
        if len(self._other_ids) > MAX_OTHER_IDS:
            self._other_ids = {i: k for i, k in self._other_ids.items() if k in self._kept}

    def forget_session(self, session: str) -> None:
        """The person has left: nothing of theirs is kept."""
        for task_id in [i for i, kept in self._kept.items() if session and kept.session == session]:
            self._drop(task_id)

    async def content_of(self, source: AudioSource, session: str) -> str:
        """A fingerprint of a recording's bytes; empty where it would find nothing anyway."""
        if not self._limit_bytes or not (session or self._shared):
            return ""
        if source.data is not None:
            return hashlib.sha256(source.data).hexdigest()
        return await asyncio.to_thread(_fingerprint, source)

    def _drop_old(self) -> None:
        oldest_s = self._clock() - self._keep_s
        for task_id in [i for i, kept in self._kept.items() if kept.since_s < oldest_s]:
            self._drop(task_id)

    def _drop(self, task_id: str) -> None:
        self._size_bytes -= self._kept.pop(task_id).size_bytes


def _fingerprint(source: AudioSource) -> str:
    digest = hashlib.sha256()
    try:
        with open(source.path or "", "rb") as file:  # noqa: PTH123 - a path that may be empty
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError:
        return ""  # the audio worker says what is wrong with the file
    return digest.hexdigest()

"""The result cache: recent results, so that they can be decoded again or repeated without a model."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from wav2vec2_app.server.clients import ADDRESS
from wav2vec2_app.server.operations import Target
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX, Audio, AudioSource, DecodeAudioOptions
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.picture_window import PictureWindow
from wav2vec2_app.speech.speakers import SpeakerTurns
from wav2vec2_app.speech.transcript import Recognition

HASH_BLOCK_BYTES = 1 << 20

MAX_ALIASES = 10_000
"""Number of task ids that lead to an earlier task's result; above it, stale ones are dropped."""

Answers = Mapping[Target, Recognition]
"""Transcripts by the adapter and model that produced them (never ``auto``), the primary one first."""


@dataclass(frozen=True)
class CachePolicy:
    """Bounds of the cache.

    Attributes:
        limit_bytes: size of all cached results together; 0 disables the cache.
        max_age_s: age at which a result is dropped, seconds.
        shared: whether a recording is also found by its content in other sessions than its own.
        share: part of ``limit_bytes`` up to which the results of one client cannot be dropped in
            favour of others'.
    """

    limit_bytes: int = 0
    max_age_s: float = 3000.0
    shared: bool = False
    share: float = 0.25


@dataclass(frozen=True)
class CachedResult:
    """The cached result of one finished task.

    ``owner`` may use it, ``client`` is who its size is charged to. ``decoding`` are the options of its
    transcripts, ``pictures`` those of the primary transcript, in ``picture_window``, ``speakers`` who
    says its words.
    """

    session: str
    owner: str
    client: str
    content: str
    audio: Audio
    answers: Answers
    decoding: DecodingOptions
    features: Features | None = None
    pictures: tuple[Picture, ...] = ()
    picture_window: PictureWindow | None = None
    speakers: SpeakerTurns | None = None
    stored_s: float = 0.0

    @property
    def size_bytes(self) -> int:
        """Size of arrays and pictures in memory; long audio is on disk."""
        features, samples = self.features, self.audio.samples
        size = 0 if isinstance(samples, np.memmap) else samples.nbytes
        size *= 1 + len(self.audio.channels)
        for answer in self.answers.values():
            for recognition in (answer, *answer.channels):
                if recognition.emission is not None:
                    size += recognition.emission.log_probs.nbytes
        if features is not None:
            size += features.log_mel_db.nbytes + features.mfcc.nbytes
            size += features.f0_hz.nbytes + features.energy_db.nbytes
        return size + sum(len(picture.svg) for picture in self.pictures)


class ResultCache:
    """Recent results by task id, and by content, adapter and model.

    A result is for its owner only: knowing its id is not enough. By its content a recording is found
    by others too if the policy shares results. When the cache is full, the least recently used result
    is dropped: of the client with the most bytes while one has more than its share, else of all.

    Args:
        policy: bounds.
        clock: monotonic, seconds.
    """

    def __init__(self, policy: CachePolicy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._results: OrderedDict[str, CachedResult] = OrderedDict()
        self._aliases: dict[str, str] = {}
        self._size_bytes = 0
        self._client_bytes: Counter[str] = Counter()

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def get(self, task_id: str, owner: str) -> CachedResult | None:
        """The result of a task; ``None`` if it is not cached or belongs to another owner."""
        self._drop_expired()
        task_id = self._aliases.get(task_id, task_id)
        found = self._results.get(task_id)
        if found is None or found.owner != owner:
            return None
        self._results.move_to_end(task_id)
        return found

    def find(self, owner: str, content: str, answering: Collection[Target]) -> CachedResult | None:
        """The result of the same recording that has transcripts of all adapters and models named.

        Args:
            owner: of the caller's results.
            content: from :meth:`content_of`.
            answering: adapters and models that would answer now.
        """
        self._drop_expired()
        if not content or not answering:
            return None
        for task_id, result in reversed(self._results.items()):
            if (
                result.content == content
                and (self._policy.shared or result.owner == owner)
                and all(target in result.answers for target in answering)
            ):
                self._results.move_to_end(task_id)
                return result
        return None

    def store(self, task: AudioTask, content: str, result: AudioResult, answers: Answers) -> None:
        """Store a finished task's result, if it has a transcript, and an owner."""
        without_owner = task.owner.startswith(ADDRESS) and not self._policy.shared
        if not answers or without_owner:
            return
        cached = CachedResult(
            session=task.session,
            owner=task.owner,
            client=task.client or task.owner,
            content=content,
            audio=result.audio,
            answers=answers,
            decoding=task.decoding,
            features=result.features,
            pictures=result.pictures,
            picture_window=task.picture_window,
            speakers=result.speakers,
            stored_s=self._clock(),
        )
        self._put(task.id, cached)

    def restore(self, task_id: str, cached: CachedResult) -> None:
        """Put a result back that was stored elsewhere."""
        if task_id in self._results:
            self._drop(task_id)
        self._put(task_id, replace(cached, stored_s=self._clock()))

    def extend(
        self,
        task_id: str,
        origin: CachedResult,
        features: Features | None,
        pictures: tuple[Picture, ...],
        speakers: SpeakerTurns | None = None,
    ) -> None:
        """Let ``task_id`` lead to ``origin``, which it was answered from, and add extras there."""
        known = next((i for i, cached in self._results.items() if cached is origin), None)
        if known is None:
            return
        self._aliases[task_id] = known
        self._drop(known)
        self._put(
            known,
            replace(
                origin,
                features=features or origin.features,
                pictures=pictures or origin.pictures,
                speakers=speakers or origin.speakers,
            ),
        )

    def forget_session(self, session: str) -> None:
        """Drop all results of a session that has ended."""
        for task_id in [
            i for i, one in self._results.items() if session and one.session == session
        ]:
            self._drop(task_id)

    async def content_of(
        self,
        source: AudioSource,
        owner: str,
        options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX,
    ) -> str:
        """A fingerprint of a recording and what is decoded of it; empty where it is of no use."""
        has_results = bool(owner) and not owner.startswith(ADDRESS)
        if not self._policy.limit_bytes or not (has_results or self._policy.shared):
            return ""
        if source.data is not None:
            found = hashlib.sha256(source.data).hexdigest()
        else:
            found = await asyncio.to_thread(_fingerprint, source)
        return f"{found} {options.track} {options.channels}" if found else ""

    def _put(self, task_id: str, cached: CachedResult) -> None:
        if cached.size_bytes > self._policy.limit_bytes:
            return
        self._results[task_id] = cached
        self._size_bytes += cached.size_bytes
        self._client_bytes[cached.client] += cached.size_bytes
        while self._size_bytes > self._policy.limit_bytes:
            self._drop(self._next_to_go())
        if len(self._aliases) > MAX_ALIASES:
            self._aliases = {a: i for a, i in self._aliases.items() if i in self._results}

    def _next_to_go(self) -> str:
        """The least recently used result, of the largest client if that has more than its share."""
        [(client, size_bytes)] = self._client_bytes.most_common(1)
        over = size_bytes > self._policy.share * self._policy.limit_bytes
        return next(i for i, one in self._results.items() if not over or one.client == client)

    def _drop_expired(self) -> None:
        oldest_s = self._clock() - self._policy.max_age_s
        for task_id in [i for i, one in self._results.items() if one.stored_s < oldest_s]:
            self._drop(task_id)

    def _drop(self, task_id: str) -> None:
        dropped = self._results.pop(task_id)
        self._size_bytes -= dropped.size_bytes
        self._client_bytes[dropped.client] -= dropped.size_bytes
        if self._client_bytes[dropped.client] <= 0:
            del self._client_bytes[dropped.client]


def _fingerprint(source: AudioSource) -> str:
    digest = hashlib.sha256()
    try:
        with open(source.path or "", "rb") as file:  # noqa: PTH123 - a path that may be empty
            while block := file.read(HASH_BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return ""  # the audio worker reports what is wrong with the file
    return digest.hexdigest()

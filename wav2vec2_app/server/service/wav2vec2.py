"""The service that owns a model's life: worker processes, states, memory, and what they can do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from wav2vec2_app.errors import InputError, InternalError, ModelError, Wav2Vec2Error
from wav2vec2_app.protocol.frame import Arrays
from wav2vec2_app.server.bridge.child import OnProgress
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.process import Answer, WorkerBridge
from wav2vec2_app.server.service import frames, inference
from wav2vec2_app.server.service.downloads import ModelFetcher
from wav2vec2_app.server.service.limits import TimeLimits
from wav2vec2_app.server.service.memory import MemoryMeter
from wav2vec2_app.server.service.parts import join, parts_of
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.spool import Spool
from wav2vec2_app.server.service.timed import Timed
from wav2vec2_app.server.status import AdapterStatus
from wav2vec2_app.server.tasks import Progress, Report, ignore_progress
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio, AudioProbe, AudioSource
from wav2vec2_app.speech.emission import Emitted
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.models import AUTO_MODEL, ModelChoice, ModelInfo
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Transcript

log = logging.getLogger(__name__)

HEAD_START_S = 3.0
"""How long the text worker is waited for at most before the others start, seconds."""


class ServiceState(str, Enum):
    """The life of a service: created → ready → disposed."""

    CREATED = "created"
    READY = "ready"
    DISPOSED = "disposed"


class Wav2Vec2Service:
    """An audio processor around one wav2vec2 model.

    Args:
        audio: workers that decode audio, compute features and draw.
        inference: workers that run the model.
        text: workers that read emissions.
        make_fetch_bridge: a bridge to a worker that downloads models, made when one is needed.
        settings: limits, timeouts and which models may answer.
        in_turn: whether the text worker starts before the others, so that who starts all this has a
            processor for itself meanwhile.
    """

    def __init__(
        self,
        audio: WorkerPool,
        inference: WorkerPool,
        text: WorkerPool,
        make_fetch_bridge: Callable[[], WorkerBridge],
        settings: Settings,
        *,
        in_turn: bool = False,
    ) -> None:
        self._audio = audio
        self._inference = inference
        self._text = text
        self._pools = (audio, inference, text)
        self._in_turn = in_turn
        self._short_first = ShortFirst()
        self._spool = Spool()
        self._settings = settings
        self._limits = TimeLimits(
            operation_s=settings.operation_timeout_s, per_audio_s=settings.timeout_per_audio_s
        )
        self._meter = MemoryMeter(limit_bytes=settings.memory_limit_bytes)
        self._fetcher = ModelFetcher(make_fetch_bridge, self._adopt)
        self._background: asyncio.Task[None] | None = None
        self._model: ModelInfo | None = None
        self._fetched: set[str] = set()
        self.state = ServiceState.CREATED

    # --- life ---

    async def initialize(self) -> None:
        """Start the workers; they get ready in the background and requests wait for them."""
        self._assert_state(ServiceState.CREATED)
        await self._text.start()
        after = self._head_start if self._in_turn else None
        await asyncio.gather(self._audio.start(after), self._inference.start(after))
        self.state = ServiceState.READY
        self._background = asyncio.create_task(self._look_for_better_model())

    async def _head_start(self) -> None:
        with contextlib.suppress(Wav2Vec2Error):
            await self._text.wait_ready(HEAD_START_S)

    async def wait_ready(self) -> None:
        """Return once every worker can answer; raises what kept it from starting."""
        await asyncio.gather(*(pool.wait_ready() for pool in self._pools))

    async def wait_for_better_model(self) -> None:
        """Return once the search for a better model, begun at the start, has come to its end."""
        if self._background is not None:
            await asyncio.wait({self._background})
        await self._fetcher.wait()

    async def dispose(self) -> None:
        """Stop everything; harmless when repeated."""
        if self.state is ServiceState.DISPOSED:
            return
        self.state = ServiceState.DISPOSED
        if self._background is not None:
            self._background.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._background
        await self._fetcher.stop()
        await asyncio.gather(*(pool.stop() for pool in self._pools))
        self._spool.close()

    # --- work ---

    async def probe(self, source: AudioSource, *, request_id: str | None = None) -> AudioProbe:
        """Read the header of ``source``; refuses what is too large or too long."""
        meta, arrays = frames.source_frame(source)
        answer = (await self._call(self._audio, "probe", meta, arrays, request_id)).value
        return AudioProbe(**{name: answer.meta[name] for name in AudioProbe.__dataclass_fields__})

    async def decode(
        self, source: AudioSource, *, expected_s: float = 0.0, request_id: str | None = None
    ) -> Timed[Audio]:
        """Decode ``source`` to 16 kHz mono; ``expected_s`` of audio stretch the time limit."""
        meta, arrays = frames.source_frame(source)
        spool = self._spool.new_path()
        try:
            timed = await self._call(
                self._audio,
                "decode",
                {**meta, "spool": str(spool)},
                arrays,
                request_id,
                audio_s=expected_s,
            )
        except BaseException:
            self._spool.discard(spool)
            raise
        found = timed.value.meta
        samples = timed.value.arrays.get("samples")
        audio = Audio(
            samples=self._spool.open(spool, found["spooled"]) if samples is None else samples,
            original_rate_hz=found["original_rate_hz"],
            original_channels=found["original_channels"],
            format=found["format"],
            warnings=tuple(found["warnings"]),
        )
        return Timed(audio, timed.stages)

    async def process(
        self,
        audio: Audio,
        *,
        model: str = AUTO_MODEL,
        decoding: DecodingOptions = DEFAULT_OPTIONS,
        report: Report = ignore_progress,
        request_id: str | None = None,
    ) -> Timed[Recognition]:
        """Transcribe ``audio``; ``report`` gets the fraction done after each window.

        A recording that is heard in windows stands aside for shorter ones, a moment before each.
        """
        short = inference.is_single_window(audio, self._settings)
        with self._short_first.prioritized() if short else contextlib.nullcontext():
            return await self._process(audio, model, decoding, report, request_id)

    async def _process(
        self,
        audio: Audio,
        model: str,
        decoding: DecodingOptions,
        report: Report,
        request_id: str | None,
    ) -> Timed[Recognition]:
        emitted = await self._emit(audio, model, report, request_id)
        if model == AUTO_MODEL:
            self._model = emitted.value.model
        timed = await self.read(emitted.value, decoding, request_id=request_id)
        offset_s = max((s.start_s + s.duration_s for s in emitted.stages), default=0.0)
        later = tuple(replace(s, start_s=s.start_s + offset_s) for s in timed.stages)
        return Timed(timed.value, (*emitted.stages, *later))

    async def read(
        self,
        emitted: Emitted,
        decoding: DecodingOptions = DEFAULT_OPTIONS,
        *,
        request_id: str | None = None,
    ) -> Timed[Recognition]:
        """Read an emission, a fresh or a kept one: no forward pass."""
        if decoding.decoder == "auto" and self._settings.decoder == "greedy":
            decoding = replace(decoding, decoder="greedy")
        emission = emitted.emission
        spans = parts_of(emission)
        if len(spans) == 1:
            with self._short_first.prioritized():
                alone = await self._read(emitted, decoding, request_id)
            return Timed(Recognition(alone.value, emission), alone.stages)
        read, stages = [], []
        for span in spans:
            aside_s = await self._short_first.yield_to_short()
            part = replace(emitted, emission=emission.cut(*span))
            timed = await self._read(part, decoding, request_id)
            read.append(timed.value)
            stages.append((inference.waited(aside_s, timed.stages), *timed.stages))
        between = " " if emission.word_delimiter else ""
        offsets_s = [start * emission.frame_s for start, _ in spans]
        transcript = join(read, offsets_s, between)
        return Timed(Recognition(transcript, emission), inference.summed(stages))

    async def _read(
        self, emitted: Emitted, decoding: DecodingOptions, request_id: str | None
    ) -> Timed[Transcript]:
        meta, arrays = frames.decoding_frame(
            emitted.emission, decoding, embedded=emitted.model.source == "embedded"
        )
        audio_s = emitted.emission.duration_s
        timed = await self._call(self._text, "read", meta, arrays, request_id, audio_s=audio_s)
        return Timed(frames.transcript(timed.value, emitted), timed.stages)

    async def align(
        self, emitted: Emitted, text: str, *, request_id: str | None = None
    ) -> Timed[Alignment]:
        """When each word and letter of ``text`` was said."""
        meta, arrays = frames.aligning_frame(emitted.emission, text)
        timed = await self._call(
            self._text, "align", meta, arrays, request_id, audio_s=emitted.duration_s
        )
        return Timed(frames.alignment(timed.value), timed.stages)

    async def _emit(
        self, audio: Audio, model: str, report: Report, request_id: str | None
    ) -> Timed[Emitted]:
        settings = self._settings
        name = settings.model if model == AUTO_MODEL else model
        extra_s = 0.0 if name == settings.model else settings.model_load_timeout_s

        async def ask(
            op: str, meta: Mapping[str, Any], arrays: Arrays, audio_s: float
        ) -> Timed[Answer]:
            return await self._call(
                self._inference, op, meta, arrays, request_id, audio_s=audio_s, extra_s=extra_s
            )

        try:
            return await inference.emit(
                ask, audio, name, settings, report, self._short_first.yield_to_short
            )
        except ModelError as error:
            self._fetch_if_missing(error)
            raise

    async def analyze(self, audio: Audio, *, request_id: str | None = None) -> Timed[Features]:
        """Acoustic features of ``audio``.

        Raises:
            InputError: ``features.too_long``: it is longer than ``settings.features_s``.
        """
        if audio.duration_s > self._settings.features_s:
            minutes = self._settings.features_s / 60
            raise InputError(
                f"Pictures are drawn of recordings of up to {minutes:.0f} minutes.",
                code="features.too_long",
                hint="The transcript is whole; cut the recording to see a part of it.",
            )
        timed = await self._call(
            self._audio,
            "analyze",
            {},
            {"samples": audio.samples},
            request_id,
            audio_s=audio.duration_s,
        )
        return Timed(
            Features(**timed.value.arrays, summary=timed.value.meta["summary"]), timed.stages
        )

    async def draw(
        self,
        audio: Audio,
        features: Features,
        recognition: Recognition,
        *,
        report: Report = ignore_progress,
        request_id: str | None = None,
    ) -> Timed[tuple[Picture, ...]]:
        """Draw every picture; each goes to ``report`` the moment it is done."""
        pictures: dict[str, Picture] = {}

        def on_progress(meta: Mapping[str, Any], arrays: Arrays) -> None:
            picture = Picture(
                name=meta["name"],
                title=meta["title"],
                svg=arrays["svg"].tobytes(),
                description=meta["description"],
            )
            pictures[picture.name] = picture  # a repeated attempt draws the same ones again
            report(Progress(fraction=float(meta["fraction"]), value=picture))

        meta, arrays = frames.drawing_frame(audio, features, recognition)
        timed = await self._call(
            self._audio,
            "draw",
            meta,
            arrays,
            request_id,
            audio_s=audio.duration_s,
            on_progress=on_progress,
        )
        return Timed(tuple(pictures.values()), timed.stages)

    # --- what it is ---

    @property
    def model(self) -> ModelInfo | None:
        """The model that answers by default; ``None`` before the first worker is ready."""
        told = self._inference.info.get("model")
        return self._model or (ModelInfo(**told) if told else None)

    def status(self, name: str) -> AdapterStatus:
        """State of workers, models and memory at this moment, without asking a worker."""
        workers = tuple(status for pool in self._pools for status in pool.statuses())
        model = self.model
        pids = {
            f"{worker.role}-{number}" if number else worker.role: worker.pid
            for number, worker in _numbered(workers)
            if worker.pid is not None
        }
        notices = (
            model.note if model else "",
            self._fetcher.notice,
            self._text.info.get("note", ""),
        )
        return AdapterStatus(
            name=name,
            ready=all(worker.state == "ready" for worker in workers),
            model=model,
            choices=self.choices,
            workers=workers,
            memory=self._meter.report(pids, model_bytes=model.size_bytes if model else 0),
            notices=tuple(notice for notice in notices if notice),
        )

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats that the audio worker reads; empty before it is ready."""
        return tuple(self._audio.info.get("formats", ()))

    @property
    def choices(self) -> tuple[ModelChoice, ...]:
        """The models a person may choose; empty before the first worker is ready."""
        told = self._inference.info.get("choices", ())
        return tuple(
            ModelChoice(
                name=choice["name"],
                label=choice["name"],
                ready=choice["ready"] or choice["name"] in self._fetched,
            )
            for choice in told
        )

    # --- inside ---

    async def _call(
        self,
        pool: WorkerPool,
        op: str,
        meta: Mapping[str, Any],
        arrays: Arrays,
        request_id: str | None,
        *,
        audio_s: float = 0.0,
        extra_s: float = 0.0,
        on_progress: OnProgress | None = None,
    ) -> Timed[Answer]:
        self._assert_state(ServiceState.READY)
        begin = time.monotonic()
        with self._limits.grant(pool.role, audio_s, extra_s=extra_s) as timeout_s:
            answer = await pool.request(
                op,
                meta,
                arrays,
                request_id=request_id,
                timeout_s=timeout_s,
                on_progress=on_progress,
            )
        return Timed(answer, frames.stages(answer, pool.role, time.monotonic() - begin))

    def _assert_state(self, expected: ServiceState) -> None:
        if self.state is not expected:
            raise InternalError(
                f"The service is {self.state.value}, not {expected.value}.",
                code="service.state",
                hint="initialize() comes first, once; nothing comes after dispose().",
                metadata={"state": self.state.value, "expected": expected.value},
            )

    async def _look_for_better_model(self) -> None:
        """Where ``auto`` fell back to the embedded model, fetch the preferred one."""
        try:
            await self._inference.wait_ready()
        except Wav2Vec2Error as error:
            log.error("the inference worker cannot start: %s", error.message)
            return
        model = self.model
        settings = self._settings
        wanted = settings.model == AUTO_MODEL and settings.fetch_models and settings.preferred_model
        if wanted and model is not None and model.source == "embedded":
            self._fetcher.start(self._settings.preferred_model)

    def _fetch_if_missing(self, error: ModelError) -> None:
        if error.code == "model.not_on_disk" and self._settings.fetch_models:
            self._fetcher.start(str(error.metadata["model"]))

    async def _adopt(self, name: str) -> None:
        """Load a model that has just arrived, so that new requests find it warm."""
        preferred = self._settings.model == AUTO_MODEL and name == self._settings.preferred_model
        answer = await self._inference.request(
            "load",
            {"model": AUTO_MODEL if preferred else name},
            {},
            timeout_s=self._settings.model_load_timeout_s,
        )
        self._fetched.add(name)
        if preferred:
            self._model = ModelInfo(**answer.meta["model"])


def _numbered(workers: tuple[Any, ...]) -> list[tuple[int, Any]]:
    """Each worker with its number among those of its role, from 0."""
    seen: dict[str, int] = {}
    numbered = []
    for worker in workers:
        numbered.append((seen.get(worker.role, 0), worker))
        seen[worker.role] = seen.get(worker.role, 0) + 1
    return numbered

"""The service that owns the lifecycle of a model: worker processes, states, memory and capabilities."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from enum import Enum

from wav2vec2_app.errors import InternalError, ModelError
from wav2vec2_app.protocol.audio import (
    AnalyzeRequest,
    AudioInfo,
    DecodeAudioRequest,
    DrawRequest,
    MeasureRequest,
    PictureDrawn,
    ProbeRequest,
)
from wav2vec2_app.protocol.text import TextInfo
from wav2vec2_app.protocol.wav import EncodeWavRequest
from wav2vec2_app.server.clients import LOCAL
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Progress, Report, ignore_progress
from wav2vec2_app.server.service import stages
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.explorations import ExploreSteps
from wav2vec2_app.server.service.inference import EmitStep, WindowedInference, ignore_window
from wav2vec2_app.server.service.layers import LayerSteps
from wav2vec2_app.server.service.loading import ModelLoader
from wav2vec2_app.server.service.memory import (
    MemoryGuard,
    MemoryMeter,
    inference_bytes,
    process_names,
)
from wav2vec2_app.server.service.models import ServiceModels
from wav2vec2_app.server.service.policy import ServicePolicy
from wav2vec2_app.server.service.previews import Previews
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.search import find_in
from wav2vec2_app.server.service.spool import Spool
from wav2vec2_app.server.service.text import TextSteps
from wav2vec2_app.server.service.workers import Workers
from wav2vec2_app.server.status import AdapterStatus, MemoryReport
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import (
    DEFAULT_TRACK_AND_MIX,
    SAMPLE_RATE_HZ,
    Audio,
    AudioProbe,
    AudioSource,
    DecodeAudioOptions,
)  # fmt: skip
from wav2vec2_app.speech.emission import Emitted
from wav2vec2_app.speech.exploration import Explorable, Explored
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.models import AUTO_MODEL, ModelInfo
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.picture_window import PictureWindow, cut_excerpt
from wav2vec2_app.speech.search import Hits, Search
from wav2vec2_app.speech.transcript import Recognition


class ServiceState(str, Enum):
    """The lifecycle of a service: created → ready → disposed."""

    CREATED = "created"
    READY = "ready"
    DISPOSED = "disposed"


class Wav2Vec2Service:
    """An audio processor around one wav2vec2 model.

    Every step takes a ``deadline``; without one, it is computed from the policy when the step starts.

    Args:
        workers: started and stopped with the service.
        policy: limits, and which models may answer.
    """

    def __init__(self, workers: Workers, policy: ServicePolicy) -> None:
        self._workers = workers
        self._policy = policy
        self._priority = ShortFirst()
        self._spool = Spool()
        self._audio = WorkerClient(workers.audio, policy.limits)
        self._inference = WorkerClient(workers.inference, policy.limits)
        text = WorkerClient(workers.text, policy.limits)
        self._clients = {
            Operation.TRANSCRIBE: self._inference, Operation.DECODE_TEXT: text, Operation.ALIGN: text,
            Operation.SEARCH: text,
        }  # fmt: skip
        self._meter = MemoryMeter(limit_bytes=policy.memory_limit_bytes)
        loader = ModelLoader(
            workers.inference, policy.limits, lambda: inference_bytes(self._memory())
        )
        self._models = ServiceModels(workers, loader, policy.models)
        self._windows = WindowedInference(self._inference, policy.windows, self._priority, loader)
        self._text = TextSteps(text, self._priority)
        layers = LayerSteps(self._inference, self._windows)
        self._explorations = ExploreSteps(self._audio, text, layers)
        self._guard = MemoryGuard(
            self._memory,
            workers.replace,
            relieve=self._models.maintain,
            start_bytes=workers.start_bytes,
        )
        self._guarding: asyncio.Task[None] | None = None
        self.state = ServiceState.CREATED

    # --- lifecycle ---

    async def initialize(self) -> None:
        """Start the workers; they get ready in the background and requests wait for them."""
        self._assert_state(ServiceState.CREATED)
        await self._workers.start()
        self.state = ServiceState.READY
        self._models.start()
        self._guarding = asyncio.create_task(self._guard.run(), name="memory guard")

    async def wait_ready(self) -> None:
        """Return when every worker can take requests; raises the error of one that cannot start."""
        await self._workers.wait_ready()

    async def wait_for_better_model(self) -> None:
        """Return when the search for a better model, begun at the start, has ended."""
        await self._models.wait()

    async def dispose(self) -> None:
        """Stop everything; may be repeated."""
        if self.state is ServiceState.DISPOSED:
            return
        self.state = ServiceState.DISPOSED
        if self._guarding is not None:
            self._guarding.cancel()
        await self._models.stop()
        await self._workers.stop()
        self._spool.close()

    # --- steps ---

    async def probe(
        self, source: AudioSource, options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX, *,
        deadline: Deadline | None = None, request_id: str = "",
    ) -> AudioProbe:  # fmt: skip
        """Read the header of ``source``; what is too large or too long is rejected."""
        self._assert_state(ServiceState.READY)
        answer = await self._audio.request(
            ProbeRequest(_absolute(source), options), deadline=deadline, request_id=request_id
        )
        return answer.value.probe

    async def decode(
        self, source: AudioSource, options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX, *,
        expected_s: float = 0.0, deadline: Deadline | None = None, request_id: str = "",
    ) -> StepResult[Audio]:  # fmt: skip
        """Decode ``source`` to 16 kHz mono; its time limit is that of ``expected_s`` of audio."""
        self._assert_state(ServiceState.READY)
        spool = self._spool.new_path()
        try:
            answer = await self._audio.request(
                DecodeAudioRequest(_absolute(source), spool, options),
                audio_s=expected_s, deadline=deadline, request_id=request_id,
            )  # fmt: skip
        except BaseException:
            self._spool.discard(spool)
            raise
        samples = answer.value.samples
        if samples is None:
            samples = self._spool.open(spool, answer.value.spooled)
        return StepResult(answer.value.audio(samples, options), answer.stages)

    async def process(
        self,
        audio: Audio,
        *,
        model: str = AUTO_MODEL,
        decoding: DecodingOptions = DEFAULT_OPTIONS,
        report: Report = ignore_progress,
        deadline: Deadline | None = None,
        request_id: str = "",
        client: str = LOCAL,
        previews: bool = False,
    ) -> StepResult[Recognition]:
        """Transcribe ``audio``; ``report`` gets the fraction done after each window.

        With ``previews`` it also gets the words of each window.

        Long recordings yield to short ones, for a moment before each window.
        """
        self._assert_state(ServiceState.READY)
        name, loads_model = self._models.resolve(model)
        limit_s = self._inference.limit_s(audio.duration_s, loads_model=loads_model)
        deadline = deadline or Deadline.after(limit_s)
        preview = Previews(self._text, report, deadline, request_id) if previews else None
        on_window = preview.add if preview else ignore_window
        step = EmitStep(audio, name, deadline, report, request_id, on_window)
        with contextlib.closing(preview) if preview else contextlib.nullcontext():
            try:
                emitted = await self._windows.emit(step)
            except ModelError as error:
                self._models.download_if_missing(error, client)
                raise
            if model == AUTO_MODEL:
                self._models.note_answer(emitted.value.model)
            decoded = await self.decode_text(
                emitted.value, decoding, deadline=deadline, request_id=request_id
            )
        return StepResult(decoded.value, stages.after(emitted.stages, decoded.stages))

    async def decode_text(
        self,
        emitted: Emitted,
        decoding: DecodingOptions = DEFAULT_OPTIONS,
        *,
        deadline: Deadline | None = None,
        request_id: str = "",
    ) -> StepResult[Recognition]:
        """Decode an emission, new or cached, without a forward pass."""
        self._assert_state(ServiceState.READY)
        if decoding.decoder == "auto" and self._policy.greedy:
            decoding = replace(decoding, decoder="greedy")
        return await self._text.decode(emitted, decoding, deadline=deadline, request_id=request_id)

    async def align(
        self,
        emitted: Emitted,
        text: str,
        *,
        deadline: Deadline | None = None,
        request_id: str = "",
    ) -> StepResult[Alignment]:
        """The time of each word and letter of ``text``."""
        self._assert_state(ServiceState.READY)
        return await self._text.align(emitted, text, deadline=deadline, request_id=request_id)

    async def search(
        self,
        recognition: Recognition,
        search: Search,
        *,
        deadline: Deadline | None = None,
        request_id: str = "",
    ) -> StepResult[Hits]:
        """Where a keyword or a sound occurs, in every channel."""
        self._assert_state(ServiceState.READY)
        return await find_in(
            self._clients[Operation.SEARCH], recognition, search, deadline, request_id
        )

    async def analyze(
        self, audio: Audio, *, deadline: Deadline | None = None, request_id: str = ""
    ) -> StepResult[Features]:
        """Acoustic features of ``audio``.

        Raises:
            InputError: ``features.too_long``: it is longer than the policy's ``max_features_s``.
        """
        self._assert_state(ServiceState.READY)
        self._policy.check_features(audio)
        answer = await self._audio.request(
            AnalyzeRequest(audio.samples),
            audio_s=audio.duration_s,
            deadline=deadline,
            request_id=request_id,
        )
        return StepResult(answer.value.features, answer.stages)

    async def measure(
        self,
        audio: Audio,
        features: Features,
        *,
        deadline: Deadline | None = None,
        request_id: str = "",
    ) -> StepResult[Acoustics]:
        """The acoustic analysis of ``audio``, of which ``features`` are known.

        Raises:
            InputError: ``features.too_long``.
        """
        self._assert_state(ServiceState.READY)
        self._policy.check_features(audio)
        answer = await self._audio.request(
            MeasureRequest(audio.samples, features),
            audio_s=audio.duration_s,
            deadline=deadline,
            request_id=request_id,
        )
        return StepResult(answer.value.acoustics, answer.stages)

    async def encode_wav(
        self,
        audio: Audio,
        max_s: float,
        *,
        deadline: Deadline | None = None,
        request_id: str = "",
    ) -> StepResult[bytes]:
        """The first ``max_s`` seconds of ``audio`` as a WAV file of 16-bit PCM, mono, 16 kHz."""
        self._assert_state(ServiceState.READY)
        samples = audio.samples[: round(max_s * SAMPLE_RATE_HZ)]
        answer = await self._audio.request(
            EncodeWavRequest(samples), audio_s=max_s, deadline=deadline, request_id=request_id
        )
        return StepResult(answer.value.wav, answer.stages)

    async def draw(
        self,
        audio: Audio,
        features: Features,
        recognition: Recognition,
        window: PictureWindow | None = None,
        *,
        report: Report = ignore_progress,
        deadline: Deadline | None = None,
        request_id: str = "",
    ) -> StepResult[tuple[Picture, ...]]:
        """Draw all pictures, of the ``window`` only if given; ``report`` gets each when it is finished."""
        self._assert_state(ServiceState.READY)
        pictures: dict[str, Picture] = {}

        def on_progress(progress: PictureDrawn) -> None:
            picture = progress.picture
            pictures[picture.name] = picture  # a second attempt draws the same ones
            report(Progress(fraction=progress.fraction, value=picture))

        words = recognition.transcript.words
        part = cut_excerpt(audio.samples, features, recognition.emission, words, window)
        answer = await self._audio.request(
            DrawRequest(
                part.samples, part.features, part.emission, part.words, start_s=part.start_s
            ),
            audio_s=audio.duration_s,
            deadline=deadline,
            on_progress=on_progress,
            request_id=request_id,
        )
        return StepResult(tuple(pictures.values()), answer.stages)

    async def explore(
        self, audio: Audio, recognition: Recognition, wanted: Explorable, decoding: DecodingOptions,
        *, deadline: Deadline | None = None, request_id: str = "",
    ) -> StepResult[Explored]:  # fmt: skip
        """The data of a part of ``audio``, words compared in one place of it, or the model's layers."""
        self._assert_state(ServiceState.READY)
        return await self._explorations.explore(
            audio, recognition, wanted, decoding, deadline=deadline, request_id=request_id
        )

    # --- facts ---

    def time_limit_s(self, operation: Operation, audio_s: float, model: str = AUTO_MODEL) -> float:
        """How long a step that begins now may take, with the requests ahead of it, seconds."""
        loads_model = operation is Operation.TRANSCRIBE and self._models.resolve(model)[1]
        client = self._clients.get(operation, self._audio)
        return client.limit_s(audio_s, loads_model=loads_model)

    @property
    def model(self) -> ModelInfo | None:
        """The model that answers by default; ``None`` before the first worker is ready."""
        return self._models.default

    def status(self, name: str) -> AdapterStatus:
        """State of workers, models and memory at this moment; no request is sent to a worker."""
        workers = self._workers.statuses()
        model = self.model
        text = self._workers.text.info(TextInfo)
        notices = (model.note if model else "", self._models.notice, text.note if text else "")
        return AdapterStatus(
            name=name,
            ready=all(worker.state == "ready" for worker in workers),
            model=model,
            choices=self._models.choices,
            workers=workers,
            memory=self._memory(),
            notices=tuple(notice for notice in notices if notice),
        )

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats that the audio worker decodes; empty before it is ready."""
        info = self._workers.audio.info(AudioInfo)
        return info.formats if info else ()

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the models to choose from; empty before the first worker is ready."""
        return self._models.names

    # --- inside ---

    def _memory(self) -> MemoryReport:
        model = self.model
        return self._meter.report(
            process_names(self._workers.with_others()), model_bytes=model.size_bytes if model else 0
        )

    def _assert_state(self, expected: ServiceState) -> None:
        if self.state is not expected:
            raise InternalError(
                f"The service is {self.state.value}, not {expected.value}.",
                code="service.state",
                hint="initialize() comes first, once; nothing comes after dispose().",
                metadata={"state": self.state.value, "expected": expected.value},
            )


def _absolute(source: AudioSource) -> AudioSource:
    """``source`` for a worker, which runs in a folder of its own."""
    return source if source.path is None else replace(source, path=source.path.absolute())

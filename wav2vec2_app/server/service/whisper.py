"""Transcribes recordings with Whisper, window by window, on workers that start when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wav2vec2_app.errors import InternalError, ModelError
from wav2vec2_app.protocol.whisper import WhisperProgress, WhisperRequest, WhisperResponse
from wav2vec2_app.server.clients import LOCAL
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.results import Progress, Report, Stage, ignore_progress
from wav2vec2_app.server.service import stages
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.spool import release
from wav2vec2_app.server.service.whisper_models import WhisperModels
from wav2vec2_app.server.service.word_times import WordTimes
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, Float32
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, OPTION, DecodingOptions
from wav2vec2_app.speech.pauses import quietest_s
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word
from wav2vec2_app.speech.whisper import WITHOUT_SPACES, whisper_code

LONGEST_WINDOW_S = 30.0
"""Whisper's input; shorter ones are padded to it, seconds."""
MIN_WINDOW_S = 20.0
"""A long recording is cut in the quietest moment between this and :data:`LONGEST_WINDOW_S`, seconds."""
MIN_LAST_WINDOW_S = 5.0
"""The last window is at least this long, seconds: less has too little context."""
BEAM_SIZE = 5
"""Hypotheses of Whisper's beam, as in OpenAI's own decoder."""
TIME_FACTOR = 2.0
"""Whisper may take this many times the time limit of a CTC model; its large checkpoints need it."""
EVERY_PARTIAL_WORDS = 1000
"""Up to so many words, every window is reported; after that, each time that 10 % were added."""

OPTIONS_OF_CTC = ("beam_width", "lm_weight", "word_score", "hotword_boost", "blank_penalty")
IGNORED = "Whisper has no such options, so they were ignored: {labels}."


@dataclass(frozen=True)
class WhisperStep:
    """One transcription step.

    Attributes:
        audio: what is transcribed.
        model: by which model: ``auto``, a name, or ``name:language``.
        decoding: the decoder and hotwords; the other options have no effect.
        report: gets the fraction done, and the transcript so far.
        deadline: of all its requests.
        request_id, client: see :meth:`Wav2Vec2Service.process`.
    """

    audio: Audio
    model: str
    decoding: DecodingOptions = DEFAULT_OPTIONS
    report: Report = ignore_progress
    deadline: Deadline | None = None
    request_id: str = ""
    client: str = LOCAL


class WhisperService:
    """A recogniser around Whisper.

    Args:
        client: sends requests to the ``whisper`` workers.
        models: which models may answer.
        times: aligns the words of languages that it has; without it, word times are Whisper's.
    """

    def __init__(
        self, client: WorkerClient, models: WhisperModels, times: WordTimes | None = None
    ) -> None:
        self.models = models
        self._client = client
        self._times = times
        self.loaded: ModelInfo | None = None
        """The model that answered last."""

    def time_limit_s(self, audio_s: float) -> float:
        """How long a step on ``audio_s`` seconds of audio may take, seconds."""
        return self._client.limit_s(TIME_FACTOR * max(audio_s, LONGEST_WINDOW_S), loads_model=True)

    async def dispose(self) -> None:
        """Cancel downloads; the workers are stopped with the others."""
        await self.models.stop()

    async def transcribe(self, step: WhisperStep) -> StepResult[Recognition]:
        """Transcribe a recording; its windows are requests of their own, so cancelling takes effect soon.

        Raises:
            ModelError: also ``model.extra_missing`` and ``model.downloading``.
            InputError: ``language.unsupported``.
        """
        name, language = self.models.resolve(step.model)
        deadline = step.deadline or Deadline.after(self.time_limit_s(step.audio.duration_s))
        step = replace(step, deadline=deadline)
        draft = WhisperDraft(step, self.models.answering(step.model), language)
        samples = step.audio.samples
        start = 0
        while start < len(samples) or not draft.windows:
            stop = end_of_window(samples, start)
            part = replace(step.audio, samples=samples[start:stop])
            await self._window(step, draft, name, part, start / SAMPLE_RATE_HZ)
            release(samples)
            start = max(stop, start + 1)
            step.report(Progress(stop / max(len(samples), 1), draft.partial()))
        return StepResult(draft.recognition(), stages.summed(draft.stages))

    async def _window(
        self, step: WhisperStep, draft: WhisperDraft, name: str, part: Audio, offset_s: float
    ) -> None:
        """Transcribe one window and add it to the draft."""

        def on_progress(found: WhisperProgress) -> None:
            self.loaded = found.model
            fraction = (offset_s + found.end_s) / max(step.audio.duration_s, found.end_s)
            step.report(Progress(fraction, draft.partial(found, offset_s)))

        request = WhisperRequest(
            name,
            part.samples,
            draft.language,
            1 if step.decoding.decoder == "greedy" else BEAM_SIZE,
            step.decoding.hotwords,
        )
        try:
            answer = await self._client.request(
                request,
                audio_s=TIME_FACTOR * LONGEST_WINDOW_S,
                loads_model=True,
                deadline=step.deadline,
                on_progress=on_progress,
                request_id=step.request_id,
            )
        except ModelError as error:
            self.models.download_if_missing(error, step.client)
            raise
        self.loaded = answer.value.model
        timed = await self._corrected(step, part, answer.value)
        draft.add(replace(answer.value, words=timed.value), offset_s)
        draft.stages += [answer.stages, timed.stages]

    async def _corrected(
        self, step: WhisperStep, part: Audio, found: WhisperResponse
    ) -> StepResult[tuple[Word, ...]]:
        """The words of a window with corrected times, where they can be aligned."""
        if self._times is None or not found.words or found.language != self._times.language:
            return StepResult(found.words)
        deadline = step.deadline or Deadline.after(self.time_limit_s(part.duration_s))
        return await self._times.correct(
            part, found.words, deadline=deadline, request_id=step.request_id
        )


@dataclass
class WhisperDraft:
    """The transcript of a recording while its windows are transcribed.

    Attributes:
        step: what is transcribed.
        name: of the model, as the transcript shows it.
        language: requested, or detected in the first window with speech; empty before that.
        windows: how many were added.
        stages: of its requests.
    """

    step: WhisperStep
    name: str
    language: str
    windows: int = 0
    stages: list[Sequence[Stage]] = field(default_factory=list)
    _words: list[Word] = field(default_factory=list)
    _text: str = ""
    _model: ModelInfo | None = None
    _reasons: set[str] = field(default_factory=set)
    _reported: int = 0

    def add(self, found: WhisperResponse, offset_s: float) -> None:
        """Add the transcript of the next window, which starts at ``offset_s``."""
        self._words += _shifted(found.words, offset_s)
        self._text = self._joined(found.text, found.language)
        self._model = found.model
        self._reasons.add(found.reason)
        self.windows += 1
        if found.words and not self.language:
            self.language = whisper_code(found.language)

    def partial(
        self, found: WhisperProgress | None = None, offset_s: float = 0.0
    ) -> Recognition | None:
        """The transcript so far, with ``found`` of the next window; ``None`` if there is little news."""
        count = len(self._words) + (len(found.words) if found is not None else 0)
        few = count <= EVERY_PARTIAL_WORDS and count > self._reported
        if not few and count < max(self._reported + 1, round(1.1 * self._reported)):
            return None
        self._reported = count
        if found is None:
            return self.recognition()
        words = [*self._words, *_shifted(found.words, offset_s)]
        return self._recognition(words, self._joined(found.text, found.language), found.model)

    def recognition(self) -> Recognition:
        """The transcript of all windows."""
        if self._model is None:
            raise InternalError("The recording has no window.", code="task.missing_input")
        return self._recognition(self._words, self._text, self._model)

    def _recognition(self, words: Sequence[Word], text: str, model: ModelInfo) -> Recognition:
        decoding = self.step.decoding
        language = model.language or self.language
        return Recognition(
            Transcript(
                text,
                tuple(words),
                sum(word.confidence for word in words) / len(words) if words else 0.0,
                self.step.audio.duration_s,
                replace(model, name=self.name, language=language),
                "greedy" if decoding.decoder == "greedy" else "beam",
                "" if words else ("silence" if self._reasons == {"silence"} else "no_speech"),
                ignored_note(decoding),
            )
        )

    def _joined(self, text: str, language: str) -> str:
        between = "" if whisper_code(language) in WITHOUT_SPACES else " "
        return between.join(part for part in (self._text, text) if part)


def end_of_window(samples: Float32, start: int) -> int:
    """Where the window that begins at sample ``start`` ends: at a quiet moment, or with the recording."""
    rest_s = (len(samples) - start) / SAMPLE_RATE_HZ
    if rest_s <= LONGEST_WINDOW_S:
        return len(samples)
    longest_s = min(LONGEST_WINDOW_S, rest_s - MIN_LAST_WINDOW_S)
    window = samples[start : start + round(longest_s * SAMPLE_RATE_HZ)]
    return start + round(quietest_s(window, MIN_WINDOW_S) * SAMPLE_RATE_HZ)


def ignored_note(decoding: DecodingOptions) -> str:
    """A sentence that names the chosen options without effect; empty if there are none."""
    labels = [
        OPTION[name].label
        for name in OPTIONS_OF_CTC
        if getattr(decoding, name) != getattr(DEFAULT_OPTIONS, name)
    ]
    return IGNORED.format(labels=", ".join(labels)) if labels else ""


def _shifted(words: Sequence[Word], by_s: float) -> list[Word]:
    return [replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in words]

"""Views: turn the events of one task into updates of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from wav2vec2_app.errors import CancelledError, InputError, Wav2Vec2Error
from wav2vec2_app.server.events import Advanced, Done, Failed, Partial, Queued, Started, TaskEvent
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import (
    acoustics,
    alignment,
    cards,
    description,
    export,
    latency,
    pictures,
    status,
    transcript,
)
from wav2vec2_app.server.ui.render.previews import RecentWords
from wav2vec2_app.server.ui.render.subtitle_preview import preview
from wav2vec2_app.server.ui.render.system import Choices
from wav2vec2_app.speech.channels import has_speakers
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.speech.transcript import PreviewWords, Recognition

Update = dict[str, str | bool | Choices]
"""Part of the page -> what it shows: HTML; a bool for ``running``; models for ``choices``."""

NOT_CACHED: Final = "task.not_cached"
"""Code of the error that the result of an earlier task is no longer in the cache."""
_EXTRAS: Final = frozenset({Operation.ANALYZE, Operation.MEASURE, Operation.DRAW})


class TaskView(Protocol):
    """What the page shows of one task."""

    def begin(self) -> Update:
        """The task is about to be submitted."""

    def show(self, event: TaskEvent) -> Update:
        """What changes because of one event; empty if nothing does."""

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The task failed or was cancelled."""


@dataclass(frozen=True)
class EarlierResult:
    """The result that a tab showed before a request; ``name`` is that of the recording's file."""

    result: AudioResult
    recognition: Recognition
    audio_url: str
    name: str


@dataclass
class TranscriptionView:
    """A transcription; ``result`` is there once it is finished."""

    task_id: str
    audio_url: str
    has_words: bool = False
    drawn: set[str] = field(default_factory=set)
    result: AudioResult | None = None
    cache_missed: bool = False
    """The earlier result that the task needs is no longer cached."""
    earlier: EarlierResult | None = None
    """What the tab showed before; it returns, dimmed, if there are no new words."""
    transcribing_since_s: float | None = None
    percent: tuple[Operation, int] | None = None
    previews: RecentWords = field(default_factory=RecentWords)
    export_options: Callable[[], ExportOptions] = ExportOptions
    """Returns the export options of the tab at this moment."""

    @staticmethod
    def idle() -> Update:
        """Every part before the first request."""
        return {
            "status": status.idle(),
            "problem": "",
            "pictures-note": "",
            "transcript": transcript.idle(),
            "actions": export.transcript(None),
            "subtitle-preview": preview(None),
            "export-problem": "",
            "latency": latency.idle(),
            "align-status": "",
            "aligned": alignment.idle(),
            "describe-status": "",
            "described": description.idle(),
            "acoustics-status": "",
            "acoustics": acoustics.idle(),
            **{pictures.part(place.name): pictures.empty(place) for place in pictures.PLACES},
        }

    @staticmethod
    def rejected(error: Wav2Vec2Error) -> Update:
        """The request was rejected before it was submitted: what the page shows stays."""
        return {
            "status": status.failed(error),
            "problem": cards.error_card(error, ""),
            "running": False,
        }

    @staticmethod
    def removed() -> Update:
        """The recording was removed, and with it its result."""
        return {**TranscriptionView.idle(), "running": False}

    def begin(self) -> Update:
        """Clear the previous result and reserve the space of the new one."""
        return {
            **self.idle(),
            "status": status.queued(1, 0.0),
            "transcript": transcript.pending(self.audio_url),
            "preview": "",
            "latency": latency.pending(),
            **{pictures.part(place.name): pictures.pending(place) for place in pictures.PLACES},
            "running": True,
        }

    def show(self, event: TaskEvent) -> Update:
        """What changes on the page because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"status": status.queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt) if self._is_reported(operation):
                self.transcribing_since_s = event.at_s
                return {"status": status.running(operation, None, attempt)}
            case Advanced(operation=operation, fraction=fraction) if self._is_reported(operation):
                return self._advanced(operation, fraction, event.at_s)
            case Partial():
                return self._partial(event)
            case Done(result=result):
                return self._done(result, event.at_s)
            case Failed(error=error):
                return self.fail(error)
        return {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The task ended early; words that are on the page already stay."""
        update: Update = {
            "status": status.failed(error),
            "running": False,
            **self._missing_pictures(),
        }
        if not self.has_words:
            update |= {"latency": latency.idle(), **self._earlier()}
        if not isinstance(error, CancelledError):
            update["problem"] = cards.error_card(error, self.task_id)
        elif not self.has_words and self.earlier is None and not self.previews.count:
            update["transcript"] = transcript.cancelled()
        return update

    def _earlier(self) -> Update:
        """The result that the tab showed before, dimmed; else the words that are not on the page yet."""
        if self.earlier is None:
            return {**self.previews.rest()} if self.previews.count else {"transcript": ""}
        result = self.earlier.result
        return {
            "transcript": transcript.earlier(
                self.earlier.recognition,
                self.earlier.audio_url,
                self.earlier.name,
                self.export_options(),
                result.id,
            ),
            "actions": export.transcript(result),
        }

    def _advanced(self, operation: Operation, fraction: float, at_s: float) -> Update:
        """How far a step is, once for each percent: a browser that gets more updates falls behind."""
        percent = (operation, int(100 * fraction))
        if percent == self.percent:
            return {}
        self.percent, since_s, left_s = percent, self.transcribing_since_s, None
        if operation is Operation.TRANSCRIBE and since_s is not None and fraction > 0:
            left_s = (at_s - since_s) * (1 - fraction) / fraction  # as fast as it was so far
        return {"status": status.running(operation, fraction, left_s=left_s)}

    def _is_reported(self, operation: Operation) -> bool:
        """Whether the status line shows an operation: extras only once the words are there."""
        return self.has_words or operation not in _EXTRAS

    def _partial(self, event: Partial) -> Update:
        update: Update = {}
        if isinstance(event.value, Recognition):
            update = self._recognition(event.value, event.at_s)
        elif isinstance(event.value, Picture):
            update = self._picture(event.value)
        elif isinstance(event.value, PreviewWords):
            update = self._preview(event.value, event.at_s)
        if event.stages:
            update["latency"] = latency.waterfall(event.stages, None, event.at_s)
        return update

    def _recognition(self, recognition: Recognition, _: float) -> Update:
        self.has_words = True
        words = transcript.words(recognition, self.audio_url, self.export_options(), self.task_id)
        return {"transcript": words}

    def _preview(self, preview: PreviewWords, at_s: float) -> Update:
        """Words of a recording that is still being transcribed; the first of them make the place for all."""
        first = not self.previews.count
        update: Update = {**self.previews.add(preview.words, at_s)}
        return update | ({"transcript": transcript.growing(self.audio_url)} if first else {})

    def _picture(self, picture: Picture) -> Update:
        self.drawn.add(picture.name)
        return {pictures.part(picture.name): pictures.picture(picture)}

    def _done(self, result: AudioResult, at_s: float) -> Update:
        self.result = result
        update: Update = {}
        labelled = result.transcript is not None and has_speakers(result.transcript.words)
        if result.recognition is not None and (labelled or not self.has_words):
            update |= self._recognition(result.recognition, at_s)
        for picture in result.pictures:
            if picture.name not in self.drawn:
                update |= self._picture(picture)
        return update | {
            **self._missing_pictures(),
            **self._problems(result),
            "status": self._done_status(result, at_s),
            "actions": export.transcript(result),
            "subtitle-preview": preview(result.transcript, self.export_options()),
            "latency": latency.waterfall(result.stages, result, at_s),
            "running": False,
        }

    def _done_status(self, result: AudioResult, at_s: float) -> str:
        return status.done(result, at_s)

    def _problems(self, result: AudioResult) -> Update:
        """Extras that are missing, each message once; the transcript is complete."""
        problems = {one.error.message: one for one in result.problems}.values()
        problem_cards = [cards.problem_card(one, self.task_id) for one in problems]
        return {"problem": "".join(problem_cards)} if problem_cards else {}

    def _missing_pictures(self) -> Update:
        missing = (place for place in pictures.PLACES if place.name not in self.drawn)
        return {pictures.part(place.name): pictures.empty(place) for place in missing}


def exportable(result: AudioResult) -> AudioResult:
    """What the files of a result are made from: it without the frames of its emission, features, pictures."""
    found = result.recognition
    emission = found.emission.without_frames() if found and found.emission else None
    recognition = found and replace(found, emission=emission, channels=())
    return replace(result, recognition=recognition, features=None, pictures=())


def no_audio() -> InputError:
    """The error that there is no recording."""
    return InputError(texts.NO_AUDIO, code="audio.missing", hint=texts.NO_AUDIO_HINT)

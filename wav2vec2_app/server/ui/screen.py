"""What one run shows: each event of a task as the parts of the page that change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from wav2vec2_app.errors import CancelledError, InputError, Wav2Vec2Error
from wav2vec2_app.server.events import Advanced, Done, Failed, Partial, Queued, Started, TaskEvent
from wav2vec2_app.server.tasks import AudioResult, Operation
from wav2vec2_app.server.ui import aligned, messages, panels, pictures, present
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.speech.transcript import Recognition

Update = dict[str, Any]
"""Part of the page -> what it shows: HTML, or a bool for ``running``."""

NOT_KEPT: Final = "task.not_cached"
_BESIDE_THE_WORDS: Final = frozenset({Operation.ANALYZE, Operation.DRAW})


@dataclass
class Screen:
    """What one run has shown so far; ``result`` is what came of it, at its end."""

    task_id: str
    audio_url: str
    said: bool = False
    drawn: set[str] = field(default_factory=set)
    result: AudioResult | None = None

    @staticmethod
    def idle() -> Update:
        """Everything as it stands before the first run."""
        return {
            "status": messages.status_idle(),
            "problem": "",
            "transcript": present.transcript_idle(),
            "actions": present.actions(None),
            "words": present.word_table(None),
            "latency": panels.latency_empty(),
            "align-status": "",
            "aligned": aligned.idle(),
            **{f"picture:{place.name}": pictures.picture_place(place) for place in pictures.PLACES},
        }

    @staticmethod
    def refused(error: Wav2Vec2Error) -> Update:
        """Nothing was begun."""
        return {
            **Screen.idle(),
            "status": messages.status_failed(error),
            "problem": messages.error_card(error, ""),
            "transcript": "",
            "running": False,
        }

    @staticmethod
    def without_audio() -> Update:
        """Somebody asked for a transcript of nothing."""
        return Screen.refused(no_audio())

    def begin(self) -> Update:
        """Clear what an older run left, keep every place free."""
        return {
            **Screen.idle(),
            "status": messages.status_queued(1, 0.0),
            "transcript": present.transcript_waiting(),
            "latency": panels.latency_pending(),
            **self._missing_pictures(pending=True),
            "running": True,
        }

    def show(self, event: TaskEvent) -> Update:
        """What changes on the page because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"status": messages.status_queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt) if self._tells(operation):
                return {"status": messages.status_running(operation, None, attempt)}
            case Advanced(operation=operation, fraction=fraction) if self._tells(operation):
                return {"status": messages.status_running(operation, fraction)}
            case Partial():
                return self._part(event)
            case Done(result=result):
                return self._done(result, event.at_s)
            case Failed(error=error):
                return self.fail(error)
        return {}

    def _tells(self, operation: Operation) -> bool:
        """Whether the status line speaks of it: until the words are there, they are what counts."""
        return self.said or operation not in _BESIDE_THE_WORDS

    def _part(self, event: Partial) -> Update:
        update: Update = {}
        if isinstance(event.value, Recognition):
            update = self._recognised(event.value, event.at_s)
        elif isinstance(event.value, Picture):
            update = self._picture(event.value)
        if event.stages:
            update["latency"] = panels.latency(event.stages, None, event.at_s)
        return update

    def _recognised(self, recognition: Recognition, _: float) -> Update:
        self.said = True
        return {
            "transcript": present.transcript(recognition, self.audio_url),
            "words": present.word_table(recognition.transcript.words),
        }

    def _picture(self, picture: Picture) -> Update:
        self.drawn.add(picture.name)
        return {f"picture:{picture.name}": pictures.picture(picture)}

    def _done(self, result: AudioResult, at_s: float) -> Update:
        self.result = result
        update: Update = {}
        if result.recognition is not None and not self.said:
            update |= self._recognised(result.recognition, at_s)
        for picture in result.pictures:
            if picture.name not in self.drawn:
                update |= self._picture(picture)
        return update | {
            **self._missing_pictures(pending=False),
            **self._problems(result),
            "status": self._status_done(result, at_s),
            "actions": present.actions(result),
            "latency": panels.latency(result.stages, result, at_s),
            "running": False,
        }

    def _status_done(self, result: AudioResult, at_s: float) -> str:
        return messages.status_done(result, at_s)

    def _problems(self, result: AudioResult) -> Update:
        """Extras that are missing: the transcript stands, and the page says what does not, once."""
        errors = {one.error.message: one.error for one in result.problems}.values()
        cards = [messages.problem_card(error, self.task_id) for error in errors]
        return {"problem": "".join(cards)} if cards else {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The run ended early; words that are known already stay."""
        update: Update = {
            "status": messages.status_failed(error),
            "running": False,
            **self._missing_pictures(pending=False),
        }
        if not self.said:
            update["latency"] = panels.latency_empty()
        if isinstance(error, CancelledError):
            return update if self.said else update | {"transcript": present.transcript_cancelled()}
        update["problem"] = messages.error_card(error, self.task_id)
        return update if self.said else update | {"transcript": ""}

    def _missing_pictures(self, *, pending: bool) -> Update:
        return {
            f"picture:{place.name}": pictures.picture_place(place, pending=pending)
            for place in pictures.PLACES
            if place.name not in self.drawn
        }


@dataclass
class ReadingScreen(Screen):
    """A run that reads again what is on the page: all stays until there is something new for it."""

    read_s: float = 0.0
    gone: bool = False
    """Nothing is kept to read from."""

    def begin(self) -> Update:
        return {
            "status": messages.status_running(Operation.DECODE_TEXT, None),
            "problem": "",
            "running": True,
        }

    def _recognised(self, recognition: Recognition, at_s: float) -> Update:
        self.read_s = at_s
        return {
            **super()._recognised(recognition, at_s),
            "status": messages.status_read_again(at_s),
            "actions": present.actions(None),  # they are of the words before
        }

    def _tells(self, operation: Operation) -> bool:
        return operation is Operation.DECODE_TEXT

    def _status_done(self, result: AudioResult, at_s: float) -> str:
        return messages.status_read_again(self.read_s)

    def fail(self, error: Wav2Vec2Error) -> Update:
        if self.said:
            return super().fail(error)
        if error.code == NOT_KEPT:
            self.gone = True
            return {}
        update: Update = {"status": messages.status_failed(error, kept=True), "running": False}
        if not isinstance(error, CancelledError):
            update["problem"] = messages.error_card(error, self.task_id)
        return update


@dataclass
class AlignmentScreen:
    """What the panel of one alignment shows."""

    task_id: str
    text: str
    audio_url: str
    gone: bool = False
    """Nothing is kept to align with."""

    def begin(self) -> Update:
        """A new alignment was asked for; the older one stays until there is something new."""
        return {"align-status": messages.status_running(Operation.ALIGN, None)}

    def show(self, event: TaskEvent) -> Update:
        """What changes in the panel because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"align-status": messages.status_queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt):
                return {"align-status": messages.status_running(operation, None, attempt)}
            case Done(result=result):
                return {
                    "align-status": messages.status_aligned(result, event.at_s),
                    "aligned": aligned.words(result, self.text, self.audio_url),
                }
            case Failed(error=error):
                return self.fail(error)
        return {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The text could not be aligned."""
        if error.code == NOT_KEPT:
            self.gone = True
            return {}
        stopped = isinstance(error, CancelledError)
        card = aligned.idle() if stopped else messages.error_card(error, self.task_id)
        return {"align-status": messages.status_failed(error) if stopped else "", "aligned": card}


def no_audio() -> InputError:
    """There is nothing to listen to."""
    return InputError(
        "There is no audio yet.",
        code="audio.missing",
        hint="Record something, upload a file, or pick one of the clips first.",
    )

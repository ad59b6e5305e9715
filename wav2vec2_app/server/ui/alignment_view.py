"""What the page shows of an alignment, in its own panel."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.errors import CancelledError, Wav2Vec2Error
from wav2vec2_app.server.events import Done, Failed, Queued, Started, TaskEvent
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui.render import alignment, cards, status
from wav2vec2_app.server.ui.views import NOT_CACHED, Update, exportable


@dataclass
class AlignmentView:
    """An alignment, in its own panel."""

    task_id: str
    text: str
    audio_url: str
    cache_missed: bool = False
    result: AudioResult | None = None
    """Without its emission."""

    def begin(self) -> Update:
        """A new alignment was requested; the previous one stays until there is a new one."""
        return {"align-status": status.running(Operation.ALIGN, None)}

    def show(self, event: TaskEvent) -> Update:
        """What changes in the panel because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"align-status": status.queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt):
                return {"align-status": status.running(operation, None, attempt)}
            case Done(result=result):
                words = alignment.words(result, self.text, self.audio_url)
                self.result = exportable(result)
                return {"align-status": status.aligned(result, event.at_s), "aligned": words}
            case Failed(error=error):
                return self.fail(error)
        return {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The text could not be aligned."""
        if error.code == NOT_CACHED:
            self.cache_missed = True
            return {}
        if isinstance(error, CancelledError):
            return {"align-status": status.failed(error), "aligned": alignment.idle()}
        return {"align-status": "", "aligned": cards.error_card(error, self.task_id)}

"""The view of a transcript that is decoded again with other options."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.errors import CancelledError, Wav2Vec2Error
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui.render import cards, export, status
from wav2vec2_app.server.ui.views import NOT_CACHED, TranscriptionView, Update
from wav2vec2_app.speech.transcript import Recognition


@dataclass
class DecodingView(TranscriptionView):
    """A transcript that is decoded again: everything stays until there is something new for it."""

    decoded_at_s: float = 0.0

    def begin(self) -> Update:
        """The words are about to be decoded again."""
        return {
            "status": status.running(Operation.DECODE_TEXT, None),
            "problem": "",
            "running": True,
        }

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The previous transcript stays, unless the new one is on the page already."""
        if self.has_words:
            return super().fail(error)
        if error.code == NOT_CACHED:
            self.cache_missed = True
            return {}
        update: Update = {"status": status.failed(error, keeps_transcript=True), "running": False}
        if not isinstance(error, CancelledError):
            update["problem"] = cards.error_card(error, self.task_id)
        return update

    def _is_reported(self, operation: Operation) -> bool:
        return operation is Operation.DECODE_TEXT

    def _recognition(self, recognition: Recognition, at_s: float) -> Update:
        self.decoded_at_s = at_s
        return {
            **super()._recognition(recognition, at_s),
            "status": status.decoded_again(at_s),
            "actions": export.transcript(None),  # until the files of the new words are there
        }

    def _done_status(self, result: AudioResult, at_s: float) -> str:
        return status.decoded_again(self.decoded_at_s)

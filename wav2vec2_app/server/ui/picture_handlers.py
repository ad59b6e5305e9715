"""Pictures of another part of the recording: the handler of their zoom and scroll, and its view."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wav2vec2_app.errors import CancelledError, Wav2Vec2Error
from wav2vec2_app.server.events import Done, Failed, Partial, TaskEvent
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.handlers import Updates, follow
from wav2vec2_app.server.ui.render import pictures
from wav2vec2_app.server.ui.tabs import FinishedRun, Tabs
from wav2vec2_app.server.ui.views import Update
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.speech.picture_window import PictureWindow

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

_PICTURES: Final = frozenset({Want.PICTURES})


@dataclass(frozen=True)
class PicturesView:
    """The pictures alone; each is replaced when it is drawn."""

    def begin(self) -> Update:
        """The earlier pictures stay."""
        return {"pictures-note": ""}

    def show(self, event: TaskEvent) -> Update:
        """What changes because of one event."""
        match event:
            case Partial(value=Picture() as picture):
                return {pictures.part(picture.name): pictures.picture(picture)}
            case Done(result=result):
                return {pictures.part(one.name): pictures.picture(one) for one in result.pictures}
            case Failed(error=error):
                return self.fail(error)
        return {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The part could not be drawn."""
        return {} if isinstance(error, CancelledError) else {"pictures-note": pictures.note(error)}


async def redraw(
    orchestrator: ModelOrchestrator, tabs: Tabs, session: str, requested: str
) -> Updates:
    """Draw the part from ``start end``, seconds, of what the tab shows; a newer request replaces it."""
    tab = tabs.of(session)
    if tab.finished is None or (window := _window(requested)) is None:
        return
    if tab.drawing:
        orchestrator.cancel(tab.drawing)
    finished = tab.finished
    task = _task(finished, session, window)
    tab.drawing, tab.window = task.id, window
    async with aclosing(follow(orchestrator, task, PicturesView())) as updates:
        async for update in updates:
            if tab.drawing != task.id or tab.finished is not finished:
                return
            yield update


def _window(requested: str) -> PictureWindow | None:
    """``None``: not two numbers, of which the second is larger."""
    try:
        start_s, end_s = (float(part) for part in str(requested).split())
        return PictureWindow(start_s, end_s)
    except ValueError:
        return None


def _task(finished: FinishedRun, session: str, window: PictureWindow) -> AudioTask:
    return AudioTask(
        wants=_PICTURES,
        model=finished.model,
        decoding=finished.decoding,
        session=session,
        cached_id=finished.task_id,
        audio_options=finished.audio_options,
        picture_window=window,
    )

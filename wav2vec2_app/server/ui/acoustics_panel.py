"""The panel "Acoustic analysis": computed when it is opened, and again for another recording on request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import CancelledError, Wav2Vec2Error
from wav2vec2_app.server.events import Done, Failed, Queued, Started, TaskEvent
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.components import part
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.handlers import Updates, follow
from wav2vec2_app.server.ui.render import acoustics, cards, status
from wav2vec2_app.server.ui.requests import task_for
from wav2vec2_app.server.ui.tabs import FinishedRun, Tabs
from wav2vec2_app.server.ui.views import NOT_CACHED, Update, no_audio
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.transcript import Transcript

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

PANEL_PARTS: Final = ("acoustics-status", "acoustics")
_WANTS: Final = frozenset({Want.ACOUSTICS})


@dataclass(frozen=True)
class AcousticsPanel:
    """The components whose events start an analysis."""

    accordion: gr.Accordion
    run: gr.Button


def lay_out(html: dict[str, gr.HTML]) -> AcousticsPanel:
    """The panel, closed; ``html`` gets the parts that updates write."""
    with gr.Accordion(texts.ACOUSTICS, open=False, elem_id="acoustics-panel") as accordion:
        run = gr.Button(texts.MEASURE, size="sm", elem_id="measure", min_width=0, scale=0)
        for name in PANEL_PARTS:
            html[name] = part(name)
    return AcousticsPanel(accordion, run)


def bind(
    panel: AcousticsPanel,
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
    audio: gr.Audio,
    html: dict[str, gr.HTML],
) -> None:
    """Analyze the recording when the panel is opened, and when its button is pressed."""

    async def on_measure(
        request: gr.Request, path: str | None
    ) -> AsyncGenerator[dict[gr.Component, object], None]:
        updates = measure(orchestrator, tabs, path, session_of(request, orchestrator))
        changed = False
        async with aclosing(updates):
            async for update in updates:
                changed = True
                yield {html[name]: value for name, value in update.items()}
        if not changed:
            yield gr.skip()

    for event in (panel.accordion.expand, panel.run.click):
        event(
            on_measure,
            inputs=[audio],
            outputs=[html[name] for name in PANEL_PARTS],
            trigger_mode="multiple",
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )


@dataclass
class AcousticsView:
    """What the panel shows of an analysis."""

    task_id: str
    transcript: Transcript | None = None
    cache_missed: bool = False
    result: AudioResult | None = None

    def begin(self) -> Update:
        """An analysis was requested; the previous one stays until there is a new one."""
        return {"acoustics-status": status.running(Operation.MEASURE, None)}

    def show(self, event: TaskEvent) -> Update:
        """What changes in the panel because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"acoustics-status": status.queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt):
                return {"acoustics-status": status.running(operation, None, attempt)}
            case Done(result=result) if result.acoustics is not None:
                self.result = result
                found, duration_s = result.acoustics, result.audio.duration_s
                shown = acoustics.analysis(found, self.transcript, duration_s)
                return {"acoustics-status": "", "acoustics": shown}
            case Failed(error=error):
                return self.fail(error)
        return {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The recording could not be analyzed."""
        if error.code == NOT_CACHED:
            self.cache_missed = True
            return {}
        if isinstance(error, CancelledError):
            return {"acoustics-status": status.failed(error)}
        return {"acoustics-status": "", "acoustics": cards.error_card(error, self.task_id)}


async def measure(
    orchestrator: ModelOrchestrator, tabs: Tabs, audio: str | None, session: str
) -> Updates:
    """Analyze what the tab shows, or else its recording; what is on the page already stays."""
    tab = tabs.of(session)
    if not tab.transcribed.is_set():
        yield {"acoustics-status": status.waiting_for_transcript()}
        await tab.transcribed.wait()
    finished = tab.finished
    key = finished.task_id if finished is not None else ""
    if key and tab.measured is not None and tab.measured[0] == key:
        return
    if finished is None and audio is None:
        error = no_audio()
        yield {"acoustics-status": "", "acoustics": cards.error_card(error, "")}
        return
    transcript = finished.result.transcript if finished and finished.result else None
    for task in _tasks(finished, audio, session):
        view = AcousticsView(task.id, transcript)
        async with aclosing(follow(orchestrator, task, view)) as updates:
            async for update in updates:
                if tab.finished is not finished:
                    return
                if view.result is not None and view.result.acoustics is not None:
                    tab.measured = (key, view.result.acoustics, transcript)
                yield update
        if not view.cache_missed:
            return


def _tasks(finished: FinishedRun | None, audio: str | None, session: str) -> Iterator[AudioTask]:
    """The cached audio of the finished run, then (if it is no longer cached) the recording."""
    audio_options = DEFAULT_TRACK_AND_MIX
    if finished is not None:
        audio, audio_options = finished.audio, finished.audio_options
        yield AudioTask(
            wants=_WANTS,
            model=finished.model,
            decoding=finished.decoding,
            session=session,
            cached_id=finished.task_id,
            audio_options=finished.audio_options,
        )
    if audio is not None:
        yield task_for(audio, AUTO_MODEL, session, _WANTS, audio_options=audio_options)

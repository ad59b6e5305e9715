"""Handler of the page's alignment: a text with the transcript that the tab shows, or with its recording."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.alignment_view import AlignmentView
from wav2vec2_app.server.ui.handlers import Updates, file_url, follow
from wav2vec2_app.server.ui.render import status
from wav2vec2_app.server.ui.requests import task_for
from wav2vec2_app.server.ui.tabs import FinishedRun, Tabs
from wav2vec2_app.server.ui.views import no_audio
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX
from wav2vec2_app.speech.options import text_to_align

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator


async def align(
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
    audio: str | None,
    model: str,
    text: str | None,
    session: str,
) -> Updates:
    """Align a text with what the tab shows, or else with its recording."""
    tab = tabs.of(session)
    try:
        given = text_to_align(text)
        if tab.finished is None and audio is None:
            raise no_audio()
    except InputError as error:
        yield AlignmentView("", "", "").fail(error)
        return
    tab.alignment = alignment = str(uuid.uuid4())
    if not tab.transcribed.is_set():
        yield {"align-status": status.waiting_for_transcript()}
        await tab.transcribed.wait()
    for task, source in _alignment_tasks(tab.finished, audio, model, session, given):
        view = AlignmentView(task.id, given, file_url(source))
        async with aclosing(follow(orchestrator, task, view)) as updates:
            async for update in updates:
                if tab.alignment != alignment:
                    return
                tab.aligned = view
                yield update
        if not view.cache_missed:
            return


def _alignment_tasks(
    finished: FinishedRun | None, audio: str | None, model: str, session: str, text: str
) -> Iterator[tuple[AudioTask, str]]:
    """The cached emission of the finished run, then (if it is no longer cached) the recording.

    A text is aligned with the mix of the channels, even where they were transcribed separately.
    """
    wants = frozenset({Want.ALIGNMENT})
    audio_options = DEFAULT_TRACK_AND_MIX
    if finished is not None:
        audio, model, audio_options = finished.audio, finished.model, finished.audio_options
    if finished is not None and audio_options.channels == "mix":
        task = AudioTask(
            wants=wants,
            model=model,
            decoding=finished.decoding,  # unchanged, so that nothing is decoded again
            text=text,
            session=session,
            cached_id=finished.task_id,
        )
        yield task, finished.audio
    if audio is not None:
        mix = replace(audio_options, channels="mix")
        yield task_for(audio, model, session, wants, text=text, audio_options=mix), audio

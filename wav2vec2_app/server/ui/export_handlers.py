"""Handlers of the page's export options and of its files."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.schema.acoustics import summary_of
from wav2vec2_app.server.ui.edited_words import edited
from wav2vec2_app.server.ui.handlers import file_url
from wav2vec2_app.server.ui.render import cards, export, subtitle_preview, transcript
from wav2vec2_app.server.ui.tabs import Tab, Tabs
from wav2vec2_app.server.ui.views import Update
from wav2vec2_app.speech import acoustic_tables
from wav2vec2_app.speech.export_options import WRITING_OPTIONS, ExportOptions, parse_export
from wav2vec2_app.speech.exports import ExportedFile, format_named

MAX_FRAME_ROWS: Final = 30_000
"""Most rows of a table of frames that a browser gets; 5 minutes at 100 a second."""


async def change_export(tabs: Tabs, session: str, *values: object) -> Update:
    """Note the export options of a tab and show what they change: the words, and the first subtitles."""
    tab = tabs.of(session)
    before = tab.export
    update = set_export(tabs, session, *values)
    result = tab.finished.result if tab.finished is not None else None
    if result is not None and _writes_otherwise(before, tab.export):
        update |= await off_loop(result.audio.duration_s, _rewritten, tab)
    return update


def set_export(tabs: Tabs, session: str, *values: object) -> Update:
    """Note the export options of a tab, in the order of their table; its next files have them.

    A value that cannot be used is explained; the options stay what they were.
    """
    tab = tabs.of(session)
    try:
        options = parse_export(*values)
    except InputError as error:
        return {"export-problem": cards.hint(error)}
    tab.export = options
    return {"export-problem": "", "subtitle-preview": _preview(tab)}


def _writes_otherwise(before: ExportOptions, after: ExportOptions) -> bool:
    """Whether the words on the page change; their letter case there is always that of sentences."""
    names = (option.name for option in WRITING_OPTIONS if option.name != "letter_case")
    return any(getattr(before, name) != getattr(after, name) for name in names)


def _rewritten(tab: Tab) -> Update:
    finished = tab.finished
    if finished is None or finished.result is None or finished.result.recognition is None:
        return {}
    recognition, url = finished.result.recognition, file_url(finished.audio)
    return {"transcript": transcript.words(recognition, url, tab.export, finished.task_id)}


def _preview(tab: Tab) -> str:
    result = tab.finished.result if tab.finished is not None else None
    return subtitle_preview.preview(result.transcript if result else None, tab.export)


async def fetch_file(tabs: Tabs, session: str, request: str) -> Update:
    """Write one file of what the tab shows.

    ``request`` is its name, a number that tells requests apart, and what was changed on the page (see
    :func:`edited`): ``transcript.srt 3 [["hello",0.02,0.3,0.9,0]]``.
    """
    name, number, changes = [*request.split(" ", 2), "", ""][:3]
    what, _, kind = name.partition(".")
    tab = tabs.of(session)
    if what == "acoustics":
        return {"file": export.fetched(request, await _acoustics(tab, kind))}
    try:
        format_named(kind)
        file = await (
            _transcript(tab, kind, changes) if what == "transcript" else _alignment(tab, kind)
        )
    except InputError:
        file = None
    return {"file": export.fetched(f"{name} {number}" if changes else request, file)}


async def _transcript(tab: Tab, kind: str, changes: str) -> ExportedFile | None:
    result = tab.finished.result if tab.finished is not None else None
    if result is None or result.transcript is None:
        return None
    options = tab.export
    if changes:
        result, options = edited(result, changes, options)
    seconds = _effort_s(result.audio.duration_s, kind)
    return await off_loop(seconds, export.transcript_file, result, kind, options, _name(tab))


async def _alignment(tab: Tab, kind: str) -> ExportedFile | None:
    aligned = tab.aligned
    if aligned is None or aligned.result is None:
        return None
    result = aligned.result
    seconds = _effort_s(result.audio.duration_s, kind)
    arguments = (result, aligned.text, kind, tab.export, _name(tab))
    return await off_loop(seconds, export.alignment_file, *arguments)


async def _acoustics(tab: Tab, kind: str) -> ExportedFile | None:
    """The measures (``csv``) or the contours (``frames.csv``) of the analysis."""
    if tab.measured is None or kind not in ("csv", "frames.csv"):
        return None
    _, found, transcript = tab.measured
    if kind == "csv":
        text = acoustic_tables.measures_csv(summary_of(found, transcript))
    else:
        text = await asyncio.to_thread(acoustic_tables.frames_csv, found, MAX_FRAME_ROWS)
    return ExportedFile(f"acoustics.{kind}", "text/csv", text.encode())


def _name(tab: Tab) -> str:
    """The name of the recording's file; that of a recording of the microphone says nothing."""
    audio = tab.finished.audio if tab.finished is not None else ""
    name = audio.replace("\\", "/").rpartition("/")[2]
    return export.RECORDING_NAME if name in ("", "audio.wav", "audio.webm") else name


def _effort_s(duration_s: float, kind: str) -> float:
    """Endless for a format whose library is large, so that it is loaded in a thread."""
    return math.inf if kind == "docx" else duration_s

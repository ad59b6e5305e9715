"""Handlers of the page's export options and of its files."""

from __future__ import annotations

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.ui.render import export
from wav2vec2_app.server.ui.tabs import Tab, Tabs
from wav2vec2_app.server.ui.views import Update
from wav2vec2_app.speech.export_options import parse_export


def set_export(tabs: Tabs, session: str, *values: object) -> None:
    """Note the export options of a tab, in the order of their table; its next files have them."""
    tab = tabs.of(session)
    try:
        tab.export = parse_export(*values)
    except InputError:
        return  # a number that is still being typed


async def fetch_file(tabs: Tabs, session: str, request: str) -> Update:
    """Write one file of what the tab shows.

    ``request`` is its name and a number that tells requests apart: ``transcript.srt 3``.
    """
    what, _, kind = request.partition(" ")[0].partition(".")
    tab = tabs.of(session)
    try:
        text = await (_transcript if what == "transcript" else _alignment)(tab, kind)
    except InputError:
        text = None
    return {"file": export.fetched(request, text)}


async def _transcript(tab: Tab, kind: str) -> str | None:
    result = tab.finished.result if tab.finished is not None else None
    if result is None or result.transcript is None:
        return None
    seconds = result.audio.duration_s
    return await off_loop(seconds, export.transcript_file, result, kind, tab.export)


async def _alignment(tab: Tab, kind: str) -> str | None:
    aligned = tab.aligned
    if aligned is None or aligned.result is None:
        return None
    result = aligned.result
    seconds = result.audio.duration_s
    return await off_loop(seconds, export.alignment_file, result, aligned.text, kind, tab.export)

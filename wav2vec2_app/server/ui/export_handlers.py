"""Handler of the page's export options."""

from __future__ import annotations

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.ui.render import export
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.server.ui.views import Update
from wav2vec2_app.speech.export_options import parse_export


def export_again(tabs: Tabs, session: str, *values: object) -> Update:
    """Write the files that the tab offers with other export options, in the order of their table."""
    tab = tabs.of(session)
    try:
        tab.export = parse_export(*values)
    except InputError:
        return {}  # a number that is still being typed
    update: Update = {}
    if tab.finished is not None and tab.finished.result is not None:
        update["actions"] = export.transcript(tab.finished.result, tab.export)
    return update | (tab.aligned.words() if tab.aligned is not None else {})

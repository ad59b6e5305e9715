"""What a browser shows while it loads Gradio's scripts: the page's header, at its place.

Gradio's document is empty until its scripts have run. The header is inserted into the document's template;
like ``gradio_internals.py``, it depends on an undocumented part of Gradio, and is left out with a version
that was not tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gradio import routes
from jinja2 import BaseLoader, ChoiceLoader, DictLoader, Environment

from wav2vec2_app.server.ui.gradio_internals import applies

TEMPLATE: Final = "frontend/index.html"
BEFORE: Final = "<gradio-app"
"""The element that Gradio's scripts fill."""


def show_header_first(file: Path) -> None:
    """Insert the HTML of ``file`` into the document of every page; called when the page is mounted."""
    if applies("the header while the page loads", routes, "templates"):
        insert_html(routes.templates.env, file.read_text(encoding="utf-8"))


def insert_html(environment: Environment, html: str) -> None:
    """Insert ``html`` into :data:`TEMPLATE` before :data:`BEFORE`, once however often it is called."""
    loader = environment.loader
    source = "" if loader is None else loader.get_source(environment, TEMPLATE)[0]
    if loader is None or html in source:
        return
    changed = DictLoader(
        {TEMPLATE: source.replace(BEFORE, f"{{% raw %}}{html}{{% endraw %}}{BEFORE}", 1)}
    )
    loaders: list[BaseLoader] = [changed, loader]
    environment.loader = ChoiceLoader(loaders)

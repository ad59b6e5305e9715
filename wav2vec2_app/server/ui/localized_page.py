"""The page in each language: Gradio has one configuration of it, of which only the texts differ.

Like ``gradio_internals.py``, it depends on an undocumented part of Gradio, ``Blocks.config``, which it sends
to browsers. With a version that was not tested the page is in English.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, ItemsView, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.gradio_internals import applies
from wav2vec2_app.server.ui.languages import (
    FALLBACK_LANGUAGE,
    current_language,
    speaking,
)
from wav2vec2_app.server.ui.layout import Example, lay_out
from wav2vec2_app.server.ui.page import page_css, scripts
from wav2vec2_app.settings import Settings

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

PageConfig = dict[str, Any]
"""Gradio's configuration of a page: JSON, without types of its own."""
TEXT_PROPS: Final = ("label", "info", "placeholder", "value", "choices")
"""Properties of components that have texts."""


class LocalizedConfig(dict[str, object]):
    """A configuration that has the texts of the language of the current request.

    ``make`` returns the configuration in another language; it is called by the first request in that
    language, so that the start of the server does not wait for it.
    """

    def __init__(self, english: PageConfig, make: Callable[[str], PageConfig]) -> None:
        super().__init__(english)
        self._make = make
        self._others: dict[str, PageConfig] = {}

    def _now(self) -> PageConfig | None:
        code = current_language()
        if code == FALLBACK_LANGUAGE:
            return None
        if code not in self._others:
            self._others[code] = self._make(code)
        return self._others[code]

    def __getitem__(self, key: str) -> object:
        found = self._now()
        return super().__getitem__(key) if found is None else found[key]

    def get(self, key: str, default: object = None) -> object:
        found = self._now()
        return super().get(key, default) if found is None else found.get(key, default)

    def items(self) -> ItemsView[str, object]:  # type: ignore[override]
        found = self._now()
        return super().items() if found is None else found.items()

    def __deepcopy__(self, memo: dict[int, object]) -> PageConfig:
        return copy.deepcopy(dict(self.items()), memo)


def localize(
    page: gr.Blocks,
    orchestrator: ModelOrchestrator,
    settings: Settings,
    *,
    examples: Sequence[Example],
    assets: Path,
) -> None:
    """Send the page in the language of each request; called when it is mounted."""
    if not applies("the page in other languages", page, "config"):
        return
    english: Any = page.config

    async def laid_out() -> PageConfig:
        with gr.Blocks(analytics_enabled=False) as layout:
            lay_out(orchestrator.status(), settings, examples, assets)
        found: Any = layout.get_config_file()
        return _with_texts(english, found, examples, assets / "ui")

    def make(code: str) -> PageConfig:
        """In an event loop of its own: without one, Gradio makes several that it does not close."""
        with speaking(code), ThreadPoolExecutor(1) as thread:
            return thread.submit(copy_context().run, asyncio.run, laid_out()).result()

    page.config = LocalizedConfig(english, make)


def _with_texts(
    english: PageConfig, layout: PageConfig, examples: Sequence[Example], ui: Path
) -> PageConfig:
    """``english`` with the texts of ``layout``, whose components come in the same order."""
    components = [dict(one) for one in english["components"]]
    for component, other in zip(components, layout["components"], strict=False):
        if component["type"] != other["type"]:
            break  # what follows the layout has no texts
        props = other["props"]
        shown = {name: props[name] for name in TEXT_PROPS if name in props}
        component["props"] = {**component["props"], **shown}
    return {
        **english,
        "components": components,
        "title": texts.TITLE,
        "css": page_css(ui),
        "js": scripts(ui, examples),
    }

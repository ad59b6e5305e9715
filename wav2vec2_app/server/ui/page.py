"""The page: built from layout, bindings and endpoints, and mounted into a server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import gradio as gr

from wav2vec2_app.server.ui import comparison_panel, retiming, texts
from wav2vec2_app.server.ui.bindings import bind
from wav2vec2_app.server.ui.comparison_endpoint import add_compare_endpoint
from wav2vec2_app.server.ui.description_handlers import add_describe_endpoint
from wav2vec2_app.server.ui.endpoints import add_endpoints
from wav2vec2_app.server.ui.exploration_handlers import add_explore_endpoints
from wav2vec2_app.server.ui.first_paint import show_header_first
from wav2vec2_app.server.ui.gradio_internals import (
    check_client_paths,
    discard_failed_uploads,
    slow_down_queue_poll,
)
from wav2vec2_app.server.ui.gradio_updates import leave_unchanged_outputs
from wav2vec2_app.server.ui.languages import current_language
from wav2vec2_app.server.ui.layout import Example, lay_out
from wav2vec2_app.server.ui.mcp_tools import mount_tools
from wav2vec2_app.server.ui.render.confidence import LEVELS
from wav2vec2_app.server.ui.search_endpoint import add_find_endpoint
from wav2vec2_app.server.ui.theme import build_theme
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import cues, signs
from wav2vec2_app.speech.audio import FORMAT_NAMES
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, EXPORT_OPTIONS
from wav2vec2_app.speech.options import OPTIONS

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

STYLE_SHEETS: Final = (
    "page.css", "transcript.css", "live.css", "comparison.css", "exports.css", "modes.css",
)  # fmt: skip

App = TypeVar("App")  # a FastAPI application

DELETE_UPLOADS: Final = (600, 3000)
"""Interval of the deletion of uploads, and their age at which they are deleted, seconds: the footer says
"within the hour"."""

ACCEPTED_FILES: Final = ",".join(["audio/*", "video/*", *(f".{ending}" for ending in FORMAT_NAMES)])
"""What the dialog for files offers: types that browsers know, and endings that they do not."""


def load_examples(folder: Path) -> tuple[Example, ...]:
    """The clips that ``examples.json`` in a folder lists; none if there is no such file."""
    listing = folder / "examples.json"
    if not listing.is_file():
        return ()
    return tuple(
        Example(path=folder / one["file"], title=one["title"], text=one.get("text", ""))
        for one in json.loads(listing.read_text(encoding="utf-8"))
    )


def build_page(
    orchestrator: ModelOrchestrator,
    settings: Settings,
    *,
    examples: Sequence[Example],
    assets: Path,
) -> gr.Blocks:
    """The page, ready to be mounted with :func:`mount_page`."""
    with gr.Blocks(
        title=texts.TITLE, analytics_enabled=False, fill_width=True, delete_cache=DELETE_UPLOADS
    ) as page:
        parts = lay_out(orchestrator.status(), settings, examples, assets)
        tabs = bind(page, parts, orchestrator)
        retiming.bind(parts.retime, parts.times, parts.wanted, orchestrator, tabs)
        recording = parts.audio, parts.track
        comparison_panel.bind(parts.comparison, recording, parts.cancel, orchestrator)
        add_endpoints(page, orchestrator)
        add_compare_endpoint(page, orchestrator)
        add_explore_endpoints(page, orchestrator)
        add_find_endpoint(page, orchestrator)
        if settings.gama_url:
            add_describe_endpoint(page, orchestrator)
    page.queue(default_concurrency_limit=None, api_open=False)
    slow_down_queue_poll(page)
    leave_unchanged_outputs(page)
    return page


def mount_page(app: App, page: gr.Blocks, settings: Settings, *, assets: Path) -> App:
    """Mount the page at the root of a FastAPI application, after all other routes are there."""
    folder = assets / "ui"
    check_client_paths(page)
    discard_failed_uploads()
    show_header_first(folder / "first.html")
    mounted: App = gr.mount_gradio_app(
        app,
        page,
        path="/",
        root_path=settings.root_path or None,
        server_name=settings.host,
        server_port=settings.port,
        app_kwargs=mount_tools(page, settings.max_bytes) if settings.mcp else None,
        mcp_server=False,  # mount_tools adds ours
        footer_links=["api"],  # its button opens the API page; the footer on the page is ours
        run_history=False,
        allowed_paths=[str(assets / "examples")],
        favicon_path=str(folder / "favicon.png"),
        max_file_size=upload_ceiling(settings),
        ssr_mode=False,
        show_error=False,  # Gradio's own messages contain paths; ours are part of the answers
        theme=build_theme(),
        css=page_css(folder),
        js=scripts(folder, load_examples(assets / "examples")),
        head=_head(settings),
    )
    return mounted


def upload_ceiling(settings: Settings) -> int:
    """Bytes at which an upload is cut off.

    Above the limit, so that a file that is a little too large is rejected with a typed error, and only a far
    larger one is cut off during the upload.
    """
    return 2 * settings.max_bytes


def page_css(folder: Path) -> str:
    """The style sheets, with the texts that they show."""
    return "\n".join([texts.css_variables(), *(_read(folder, sheet) for sheet in STYLE_SHEETS)])


def scripts(folder: Path, examples: Sequence[Example] = ()) -> str:
    """The scripts as one function without arguments, called with their texts and constants."""
    config = {
        "texts": texts.FOR_SCRIPTS,
        "language": current_language(),
        "options": [option.name for option in OPTIONS],
        "exportOptions": [option.name for option in EXPORT_OPTIONS],
        "accept": ACCEPTED_FILES,
        "levels": [[level.name, level.at_least] for level in LEVELS],
        "clips": {one.title: one.text for one in examples},
    }
    arguments = (
        f"const config = {_json(config)}; config.subtitles = {subtitles_script(folder)}; "
        "const page = window.wav2vec2Page = {};"
    )
    calls = " ".join(f"({_read(folder, name)})(config, page);" for name in ("page.js", "live.js"))
    main = f'new URL("{modules_path(folder)[1:]}/main.js", document.baseURI)'
    return f"() => {{ {arguments} {calls} import({main}).then((one) => one.start(config, page)); }}"


def modules_path(folder: Path) -> str:
    """Where the scripts' modules are served (``server/serve.py``): other contents have another address."""
    digest = hashlib.sha256()
    for module in sorted((folder / "modules").iterdir()):
        digest.update(module.read_bytes())
    return f"/ui-{digest.hexdigest()[:12]}"


def subtitles_script(folder: Path) -> str:
    """The expression of the script that writes live captions, with the rules of ``speech/cues.py``."""
    rules = {
        "unspaced": signs.UNSPACED_SIGNS,
        "wide": signs.WIDE_SIGNS,
        "neverFirst": signs.NEVER_FIRST,
        "sentenceEnds": cues.SENTENCE_ENDS,
        "minCueShare": cues.MIN_CUE_SHARE,
        "minLineShare": cues.MIN_LINE_SHARE,
        "neverLast": signs.NEVER_LAST,
        "minStep": cues.MIN_STEP_S,
        "defaults": asdict(DEFAULT_EXPORT),
    }
    return f"({_read(folder, 'subtitles.js')})({_json(rules)})"


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8").strip()


def _head(settings: Settings) -> str:
    return (
        '<meta name="color-scheme" content="light dark">'
        f'<meta name="wav2vec2-max-bytes" content="{settings.max_bytes}">'
    )

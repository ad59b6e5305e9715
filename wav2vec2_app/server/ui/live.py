"""The Live mode: its controls beside microphone and file, and where its words appear.

Markup only: what happens in it is ``assets/ui/live.js``, which speaks with ``/v1/live``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from wav2vec2_app.server.ui.messages import card
from wav2vec2_app.server.ui.present import LEVELS

TAKE_UP_WISHES: Final = "(...wishes) => { window.wav2vec2Wishes = wishes; return []; }"
"""What the components hold, for the script: the model, then the settings of a decoding in their order."""

_STATUS: Final = (
    '<div class="w-status" id="live-status" role="status" data-state="idle">'
    '<span class="w-dot" aria-hidden="true"></span>'
    '<span class="w-status-text">Ready when you are.</span>'
    '<span class="w-progress" aria-hidden="true"></span></div>'
)
_METER: Final = (
    '<div class="w-level" role="meter" aria-label="Level of the microphone" aria-valuemin="-60" '
    'aria-valuemax="0" aria-valuenow="-60"><i></i></div>'
)


def controls() -> str:
    """Start and stop, the level, and how far the words lag behind."""
    return (
        '<div class="w-live" id="live-controls" hidden="">'
        '<div class="w-live-desk">'
        '<button type="button" class="w-live-button" id="live-toggle" aria-pressed="false">'
        '<i aria-hidden="true"></i><span>Start listening</span></button>'
        f"{_METER}"
        '<dl class="w-live-facts"><div><dt>Spoken</dt><dd id="live-time">0:00</dd></div>'
        '<div title="Audio that has arrived, but that the words do not know of yet">'
        '<dt>Lag</dt><dd id="live-lag" data-level="none">–</dd></div></dl></div>'
        '<p class="w-hint">Words appear while you speak. <em class="w-tentative">Grey</em> ones may '
        "still change; the others stay. A short pause ends a line.</p></div>"
    )


def answer() -> str:
    """The lines of a session, and what can be taken along."""
    saves = "".join(
        f'<button type="button" class="w-button w-small" data-live="{name}" disabled="" '
        f'title="Download captions.{name}" aria-label="Download captions.{name}">'
        f"{name.upper()}</button>"
        for name in ("txt", "srt", "vtt")
    )
    idle = card("idle", "What you say appears here", "Press “Start listening” and speak.")
    return (
        f'<div class="w-live-answer" id="live-session" data-levels="{_levels()}" hidden="">'
        f'{_STATUS}<div id="live-problem"></div>'
        '<div class="w-lines-box" id="live-box" tabindex="0" role="region" aria-label="Captions">'
        f'<div id="live-idle">{idle}</div><ol class="w-lines" id="live-lines"></ol></div>'
        '<div class="w-aside" id="live-heard" role="log" aria-live="polite" '
        'aria-label="Words that stand"></div>'
        '<div class="w-actions" role="group" aria-label="Take the captions along">'
        '<button type="button" class="w-button w-small" data-live="copy" disabled="" '
        f'title="Copy the captions" aria-label="Copy the captions">Copy text</button>{saves}'
        '<button type="button" class="w-link" data-live="clear" hidden="">Clear</button></div></div>'
    )


def follow_wishes(model: Any, settings: Sequence[Any], page: gr.Blocks) -> None:
    """Let the script know of the model and the settings of a decoding, now and when they change."""
    inputs = [model, *settings]
    gr.on(
        [page.load, *(one.change for one in inputs)],
        fn=None,
        inputs=inputs,
        js=TAKE_UP_WISHES,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _levels() -> str:
    """Names of the bands of confidence and where they start, for the script."""
    return " ".join(f"{level.name}:{level.at_least:g}" for level in LEVELS)

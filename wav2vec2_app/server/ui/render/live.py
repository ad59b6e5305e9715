"""Markup of the Live mode: its controls beside microphone and file, and its lines of captions.

``assets/ui/live.js`` fills it in and talks to ``/v1/live``.
"""

from __future__ import annotations

from html import escape

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import status
from wav2vec2_app.server.ui.render.cards import card
from wav2vec2_app.server.ui.render.confidence import LEVELS


def _meter() -> str:
    return (
        f'<div class="w-level" role="meter" aria-label="{texts.LIVE_LEVEL}" aria-valuemin="-60" '
        'aria-valuemax="0" aria-valuenow="-60"><i></i></div>'
    )


def controls() -> str:
    """Start and stop, the microphone's level, the time, and the delay of the captions."""
    grey = f'<em class="w-tentative">{texts.LIVE_GREY}</em>'
    return (
        '<div class="w-live" id="live-controls" hidden="">'
        '<div class="w-live-desk">'
        '<button type="button" class="w-live-button" id="live-toggle" aria-pressed="false">'
        f'<i aria-hidden="true"></i><span>{texts.LIVE_START}</span></button>'
        f'{_meter()}<dl class="w-live-facts"><div><dt>{texts.LIVE_TIME}</dt>'
        f'<dd id="live-time">0:00</dd></div><div title="{texts.LIVE_DELAY_HELP}">'
        f'<dt>{texts.LIVE_DELAY}</dt><dd id="live-delay" data-level="none">–</dd></div></dl></div>'
        f'<label class="w-live-source" id="live-source-field" hidden="">{texts.LIVE_SOURCE} '
        f'<select class="w-language" id="live-source"><option value="">{texts.MICROPHONE}</option>'
        f'<option value="tab">{texts.LIVE_TAB}</option></select></label>'
        f'<p class="w-hint">{texts.LIVE_HINT.format(grey=grey)}</p></div>'
    )


def captions() -> str:
    """The lines of a session, and the buttons that export them."""
    line = status.line("idle", texts.READY, attributes=' id="live-status" role="status"')
    idle = card("idle", texts.LIVE_IDLE_TITLE, texts.LIVE_IDLE)
    return (
        f'<div class="w-live-answer" id="live-session" data-levels="{_levels()}" hidden="">'
        f'{line}<div id="live-problem"></div><div class="w-lines-box" id="live-box" tabindex="0" '
        f'role="region" aria-label="{texts.LIVE_CAPTIONS}"><div id="live-idle">{idle}</div>'
        '<ol class="w-lines" id="live-lines"></ol></div>'
        '<div class="w-offscreen" id="live-committed" role="log" aria-live="polite" '
        f'aria-label="{texts.LIVE_COMMITTED}"></div>{_exports()}</div>'
    )


def _exports() -> str:
    downloads = "".join(
        _button(kind, kind.upper(), texts.DOWNLOAD.format(file=f"captions.{kind}"))
        for kind in ("txt", "srt", "vtt")
    )
    return (
        f'<div class="w-actions" role="group" aria-label="{texts.LIVE_EXPORT}">'
        f"{_button('copy', texts.COPY_TEXT, texts.LIVE_COPY)}{downloads}"
        f"{_button('open', texts.LIVE_OPEN, texts.LIVE_OPEN_HELP)}"
        f'<button type="button" class="w-link" data-live="clear" hidden="">{texts.LIVE_CLEAR}</button>'
        "</div>"
    )


def _button(do: str, label: str, title: str) -> str:
    name = f' aria-label="{escape(title)}"' if label in title.upper() else ""
    return (
        f'<button type="button" class="w-button w-small" data-live="{do}" disabled="" '
        f'title="{escape(title)}"{name}>{label}</button>'
    )


def _levels() -> str:
    """Names of the levels of confidence and where they start, for the script."""
    return " ".join(f"{level.name}:{level.at_least:g}" for level in LEVELS)

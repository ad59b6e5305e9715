"""Markup of the transport and of the tools above the transcript; ``assets/ui/modules`` brings it to life."""

from __future__ import annotations

from html import escape
from typing import Final

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.languages import PAGE_LANGUAGES, current_language

SPEEDS: Final = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)

_ICONS: Final = {
    "toggle": '<path class="w-icon-play" d="M7 4.5v15l12-7.5z"/>'
    '<path class="w-icon-pause" d="M7 5h3.5v14H7zM13.5 5H17v14h-3.5z"/>',
    "back": '<path d="M11 7v10l-7-5zM20 7v10l-7-5z"/>',
    "forward": '<path d="M13 7v10l7-5zM4 7v10l7-5z"/>',
}


def transport() -> str:
    """Play and pause, jumps, time, speed, uncertain words and the waveform; hidden without audio."""
    return (
        f'<section class="w-transport" id="w-transport" aria-label="{texts.PLAYER}" hidden="">'
        f'<div class="w-controls">{_icon("toggle", texts.PLAY)}{_icon("back", texts.BACK)}'
        f"{_icon('forward', texts.FORWARD)}"
        f'<span class="w-time">0:00.0 / 0:00</span>{_speed()}{_uncertain()}{_zoom()}</div>'
        f"{_wave()}{_part()}"
        '<p class="w-hint w-transport-note" role="status"></p></section>'
    )


def _icon(name: str, label: str) -> str:
    return (
        f'<button type="button" class="w-icon" data-transport="{name}" aria-label="{label}" '
        f'title="{label}"><svg viewBox="0 0 24 24" aria-hidden="true">{_ICONS[name]}</svg></button>'
    )


def _speed() -> str:
    options = "".join(
        f'<option value="{speed:g}"{" selected" if speed == 1 else ""}>{speed:g}×</option>'
        for speed in SPEEDS
    )
    return f'<select class="w-speed" aria-label="{texts.SPEED}">{options}</select>'


def _button(action: str, label: str, title: str, attribute: str = "data-transport") -> str:
    return (
        f'<button type="button" class="w-button w-small" {attribute}="{action}" '
        f'title="{escape(title)}">{label}</button>'
    )


def _uncertain() -> str:
    return (
        f'<span class="w-group" role="group" aria-label="{texts.UNCERTAIN_WORDS}">'
        f'<span class="w-group-label" aria-hidden="true">{texts.UNCERTAIN_WORDS}</span>'
        f"{_button('previous', texts.PREVIOUS, texts.PREVIOUS_UNCERTAIN)}"
        f"{_button('next', texts.NEXT, texts.NEXT_UNCERTAIN)}</span>"
    )


def _zoom(attribute: str = "data-transport") -> str:
    return (
        f'<span class="w-group w-zoom" role="group" aria-label="{texts.ZOOM}">'
        f"{_sign('out', '−', texts.ZOOM_OUT, attribute)}{_sign('in', '+', texts.ZOOM_IN, attribute)}"
        f"{_button('all', texts.SHOW_ALL, texts.SHOW_ALL_HELP, attribute)}</span>"
    )


def _sign(action: str, sign: str, label: str, attribute: str) -> str:
    return (
        f'<button type="button" class="w-button w-small w-sign" {attribute}="{action}" '
        f'aria-label="{label}" title="{label}">{sign}</button>'
    )


def _wave() -> str:
    return (
        '<div class="w-wave"><canvas tabindex="0" role="slider" '
        f'aria-label="{texts.POSITION_LABEL}" aria-valuemin="0" aria-valuemax="0" aria-valuenow="0">'
        "</canvas></div>"
    )


def _part() -> str:
    """What can be done with the part of the waveform that was selected."""
    return (
        '<div class="w-part" hidden=""><span class="w-part-time"></span>'
        f"{_button('play-part', texts.PLAY_PART, texts.PLAY_PART)}"
        f"{_button('transcribe-part', texts.TRANSCRIBE_PART, texts.TRANSCRIBE_PART_HELP)}"
        f"{_button('clear-part', texts.CLEAR_PART, texts.CLEAR_PART)}</div>"
    )


def json_view() -> str:
    """The place of the transcript as JSON, which the page's scripts fill."""
    return f'<pre class="w-json" id="w-json" tabindex="0" role="region" aria-label="{texts.JSON_HELP}"></pre>'


def tools() -> str:
    """The choice of text, table or JSON, and search; shown with a result."""
    labels = {"text": texts.VIEW_TEXT, "words": texts.VIEW_WORDS, "json": texts.VIEW_JSON}
    views = "".join(
        f'<button type="button" class="w-view" data-view-button="{view}" '
        f'aria-pressed="{str(view == "text").lower()}">{label}</button>'
        for view, label in labels.items()
    )
    return (
        f'<div class="w-tools"><h2>{texts.TRANSCRIPT}</h2>'
        f'<span class="w-views" role="group" aria-label="{texts.VIEWS}">{views}</span>'
        f'<label class="w-search"><span>{texts.SEARCH}</span>'
        '<input type="search" id="w-search" autocomplete="off" spellcheck="false"></label>'
        '<span class="w-search-count" id="w-search-count" role="status"></span>'
        '<button type="button" class="w-button w-small" data-do="edit" aria-expanded="false" hidden="">'
        f"{texts.EDIT}</button>"
        f'<button type="button" class="w-button w-small w-follow" data-do="follow" hidden="">'
        f"{texts.FOLLOW}</button></div>"
    )


def source() -> str:
    """The recording on the page: its name and length, and buttons to replace or remove it."""
    return (
        '<div class="w-source" id="w-source" hidden=""><p class="w-source-name"></p>'
        '<p class="w-hint w-source-facts"></p><p class="w-source-buttons">'
        f'<button type="button" class="w-button" data-source="again">{texts.CHOOSE_ANOTHER}</button>'
        f'<button type="button" class="w-button" data-source="remove">{texts.REMOVE}</button></p></div>'
    )


def picture_tools() -> str:
    """Scroll and zoom of the pictures; hidden while there are none."""
    move = (
        f"{_sign('earlier', '‹', texts.EARLIER, 'data-pictures')}"
        f'<input type="range" id="picture-scroll" min="0" max="0" step="0.1" value="0" '
        f'aria-label="{texts.PICTURES_SCROLL}">'
        f"{_sign('later', '›', texts.LATER, 'data-pictures')}"
    )
    return (
        '<div class="w-picture-tools" id="picture-tools" hidden="">'
        f'<span class="w-group w-scroll" role="group" aria-label="{texts.PICTURES_SCROLL}">{move}</span>'
        f'<span class="w-picture-part"></span>{_zoom("data-pictures")}</div>'
    )


def find() -> str:
    """The fold that ``modules/find.js`` fills when it is opened."""
    return f'<details class="w-fold" id="w-find"><summary>{texts.FIND}</summary></details>'


def comparison() -> str:
    """A box for what was said, and the comparison of the transcript with it."""
    return (
        f'<details class="w-fold" id="w-compare"><summary>{texts.CHECK}</summary>'
        f'<label class="w-reference"><span>{texts.REFERENCE}</span>'
        f'<textarea id="w-reference" rows="2" spellcheck="false" placeholder="{texts.REFERENCE_PLACEHOLDER}">'
        '</textarea></label><div id="w-comparison" role="status"></div></details>'
    )


def languages() -> str:
    """The choice of the page's language."""
    options = "".join(
        f'<option value="{code}" lang="{code}"{" selected" * (code == current_language())}>{name}</option>'
        for code, name in PAGE_LANGUAGES.items()
    )
    return f'<label>{texts.LANGUAGE} <select class="w-language" data-do="language">{options}</select></label>'

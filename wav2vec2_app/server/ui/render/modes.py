"""The modes of the page: the navigation, and the places that their scripts fill when they are opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from wav2vec2_app.server.ui import texts
from wav2vec2_app.settings import Settings


@dataclass(frozen=True)
class Mode:
    """A mode beside transcription; ``modules/<name>.js`` and ``.css`` are its script and style sheet."""

    name: str
    label: str


def offered(settings: Settings) -> Sequence[Mode]:
    """The modes that the settings enable."""
    modes = []
    if settings.batch_bytes:
        modes.append(Mode("batch", texts.BATCH))
    if settings.history_bytes:
        modes.append(Mode("history", texts.HISTORY))
    return modes


def navigation(settings: Settings) -> str:
    """Links to the modes; nothing where there is only one."""
    modes = offered(settings)
    if not modes:
        return ""
    links = "".join(
        f'<li><a href="#{mode.name}" data-mode="{mode.name}">{escape(mode.label)}</a></li>'
        for mode in (Mode("transcribe", texts.TRANSCRIBE_MODE), *modes)
    )
    return f'<nav class="w-modes" aria-label="{escape(texts.MODES)}"><ul>{links}</ul></nav>'


def place(mode: Mode) -> str:
    """Where the script of a mode draws."""
    return (
        f'<section class="w-mode" id="w-{mode.name}" aria-label="{escape(mode.label)}"></section>'
    )


def privacy(settings: Settings) -> str:
    """What is stored, in the footer."""
    return f"{texts.PRIVACY} {texts.STORED}" if settings.history_bytes else texts.PRIVACY

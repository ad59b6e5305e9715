"""The pictures, and their places before they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.languages import explained
from wav2vec2_app.speech.features import Picture


@dataclass(frozen=True)
class PicturePlace:
    """The place of a picture, reserved so that nothing moves when it is drawn.

    ``sketch`` is a path on a sheet of 48 × 32 that suggests the picture; ``height`` is the picture's height
    at a width of 800.
    """

    name: str
    sketch: str
    height: int

    @property
    def title(self) -> str:
        """Heading of the picture."""
        return texts.PICTURE[self.name][0]

    @property
    def description(self) -> str:
        """One sentence on what the picture shows."""
        return texts.PICTURE[self.name][1]


PLACES: Final = (
    PicturePlace(
        "waveform", "M3 16h3M9 12v8M14 6v20M19 10v12M24 3v26M29 9v14M34 13v6M39 8v16M44 14v4", 264
    ),
    PicturePlace("log_mel", "M4 26h40M4 20h12M22 20h16M8 14h20M34 14h8M4 8h6M18 8h10", 280),
    PicturePlace(
        "mfcc", "M6 6v6M6 20v4M14 8v12M22 5v4M22 16v10M30 10v14M38 6v5M38 18v6M44 12v8", 262
    ),
    PicturePlace("pitch_energy", "M3 22c6-14 10-14 16-6s10 8 14-2 8-8 12-4M3 29h42", 320),
    PicturePlace("emission", "M3 28h6l2-20 2 20h8l2-12 2 12h6l2-24 2 24h10", 445),
)


def part(name: str) -> str:
    """The part of the page that shows a picture."""
    return f"picture:{name}"


def picture(drawn: Picture) -> str:
    """A drawn picture in its place: the ``svg`` element as the worker made it."""
    description = texts.PICTURE.get(drawn.name, ("", ""))[1]
    return (
        f'<figure class="w-figure" data-name="{escape(drawn.name)}" data-from="{drawn.start_s:.2f}" '
        f'data-to="{drawn.end_s:.2f}"><figcaption>'
        f"<h3>{escape(drawn.title)}</h3><p>{escape(description)}</p></figcaption>"
        f'<div class="w-drawing">{drawn.svg.decode("utf-8")}</div>'
        f'<p class="w-facts">{escape(drawn.description)}</p></figure>'
    )


def note(error: Wav2Vec2Error) -> str:
    """Why another part was not drawn, above the pictures that are still there."""
    return f'<p class="w-hint">{escape(texts.NOT_DRAWN)} {escape(explained(error.message, error.hint))}</p>'


def empty(place: PicturePlace) -> str:
    """The place of a picture that is not requested: a sketch, and what the picture shows."""
    return (
        '<figure class="w-figure" data-state="empty"><svg class="w-sketch" viewBox="0 0 48 32" '
        f'width="48" height="32" aria-hidden="true"><path d="{place.sketch}"/></svg>'
        f"<figcaption>{_caption(place)}</figcaption></figure>"
    )


def pending(place: PicturePlace) -> str:
    """The place of a picture that will be drawn, as large as the picture."""
    return (
        f'<figure class="w-figure" data-state="pending"><figcaption>{_caption(place)}</figcaption>'
        f'<div class="w-drawing" style="--height:{place.height}" aria-hidden="true"></div>'
        '<p class="w-facts"></p></figure>'
    )


def _caption(place: PicturePlace) -> str:
    return f"<h3>{escape(place.title)}</h3><p>{escape(place.description)}</p>"

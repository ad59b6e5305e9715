"""Places of the pictures, and the pictures in them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from wav2vec2_app.speech.features import Picture


@dataclass(frozen=True)
class Place:
    """Where a picture goes and what it will show; kept free so that nothing moves when it comes.

    ``sketch`` is a path on a 48 × 32 sheet that hints at the picture; ``height`` is the height it
    will have, for a width of 800.
    """

    name: str
    title: str
    about: str
    sketch: str
    height: int


PLACES: Final = (
    Place(
        "waveform",
        "Waveform",
        "The sound itself, with a mark at every word.",
        "M3 16h3M9 12v8M14 6v20M19 10v12M24 3v26M29 9v14M34 13v6M39 8v16M44 14v4",
        264,
    ),
    Place(
        "log_mel",
        "Log-mel spectrogram",
        "Which pitches are loud, and when.",
        "M4 26h40M4 20h12M22 20h16M8 14h20M34 14h8M4 8h6M18 8h10",
        264,
    ),
    Place(
        "mfcc",
        "MFCC",
        "The shape of the spectrum in a few numbers, frame by frame.",
        "M6 6v6M6 20v4M14 8v12M22 5v4M22 16v10M30 10v14M38 6v5M38 18v6M44 12v8",
        246,
    ),
    Place(
        "pitch_energy",
        "Pitch and energy",
        "How high the voice is, and how loud.",
        "M3 22c6-14 10-14 16-6s10 8 14-2 8-8 12-4M3 29h42",
        298,
    ),
    Place(
        "emission",
        "CTC emission",
        "Which letters the model considered, 50 times a second.",
        "M3 28h6l2-20 2 20h8l2-12 2 12h6l2-24 2 24h10",
        445,
    ),
)


def picture(drawn: Picture) -> str:
    """A drawn picture in its place: an ``svg`` element of the audio worker's, whole as it is."""
    about = next((place.about for place in PLACES if place.name == drawn.name), "")
    return (
        f'<figure class="w-figure" data-name="{escape(drawn.name)}"><figcaption>'
        f"<h3>{escape(drawn.title)}</h3><p>{escape(about)}</p></figcaption>"
        f'<div class="w-drawing">{drawn.svg.decode("utf-8")}</div>'
        f'<p class="w-facts">{escape(drawn.description)}</p></figure>'
    )


def picture_place(place: Place, *, pending: bool = False) -> str:
    """The place of a picture before it is asked for, or as large as it will be while it is drawn."""
    inside = f"<h3>{escape(place.title)}</h3><p>{escape(place.about)}</p>"
    if pending:
        return (
            f'<figure class="w-figure" data-state="pending"><figcaption>{inside}</figcaption>'
            f'<div class="w-drawing" style="--height:{place.height}" aria-hidden="true"></div>'
            '<p class="w-facts"></p></figure>'
        )
    return (
        '<figure class="w-figure" data-state="empty"><svg class="w-sketch" viewBox="0 0 48 32" '
        f'width="48" height="32" aria-hidden="true"><path d="{place.sketch}"/></svg>'
        f"<figcaption>{inside}</figcaption></figure>"
    )

"""Contrast of what is not text: borders, bars and waveforms have 3 : 1 against what is behind them."""

from __future__ import annotations

import re

import pytest

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.worker.plots.canvas import ORANGE, RED, SLATE, TEAL

SURFACES = ("--w-paper", "--w-card", "--w-well")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def variables(theme: str) -> dict[str, str]:
    """The colours of a theme, as the page's style sheets leave them."""
    found: dict[str, str] = {}
    for sheet in ("page.css", "transcript.css"):
        css = re.sub(
            r"/\*.*?\*/", "", (assets_path() / "ui" / sheet).read_text("utf-8"), flags=re.S
        )
        for selector, body in RULE.findall(css):
            if not re.search(r":root|^\s*(body)?\.dark\s*$", selector):
                continue
            is_dark = re.match(r"\s*(body)?\.dark", selector) is not None
            if is_dark and theme != "dark":
                continue
            found |= dict(re.findall(r"(--w-[\w-]+): (#[0-9a-f]{6})\b", body))
    return found


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    "name", ["--w-line-strong", "--w-wave", "--w-accent", "--w-fair", "--w-low"]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_waves_stand_out(theme: str, name: str, surface: str) -> None:
    colours = variables(theme)

    assert contrast(colours[name], colours[surface]) >= 3


@pytest.mark.parametrize("colour", [TEAL, ORANGE, RED, SLATE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_stand_out_from_their_card(theme: str, colour: str) -> None:
    assert contrast(colour, variables(theme)["--w-card"]) >= 3


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", ["--w-ink", "--w-muted", "--w-fair", "--w-low"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible(theme: str, name: str, surface: str) -> None:
    colours = variables(theme)

    assert contrast(colours[name], colours[surface]) >= 4.5

"""The theme of Gradio's own components: their colours are the variables of ``page.css``."""

from __future__ import annotations

import inspect
from typing import Final

import gradio as gr

PAPER: Final = {"light": "#f5f4ef", "dark": "#0f1315"}
INK: Final = {"light": "#16191c", "dark": "#e8ecea"}
"""The two colours that the browser needs before it has the style sheet; the same as there."""

_FROM_CSS: Final = {
    "background_fill_primary": "var(--w-card)",
    "background_fill_secondary": "var(--w-well)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "block_label_shadow": "none",
    "block_label_text_color": "var(--w-muted)",
    "block_padding": "0px",
    "block_radius": "10px",
    "block_shadow": "none",
    "block_title_text_color": "var(--w-ink)",
    "block_title_text_weight": "600",
    "body_text_color_subdued": "var(--w-muted)",
    "border_color_accent": "var(--w-accent)",
    "border_color_accent_subdued": "var(--w-line)",
    "border_color_primary": "var(--w-line)",
    "button_cancel_background_fill": "var(--w-card)",
    "button_cancel_border_color": "var(--w-line)",
    "button_cancel_text_color": "var(--w-ink)",
    "button_large_radius": "10px",
    "button_medium_radius": "10px",
    "button_primary_background_fill": "var(--w-accent)",
    "button_primary_background_fill_hover": "var(--w-accent-strong)",
    "button_primary_border_color": "transparent",
    "button_primary_shadow": "none",
    "button_primary_text_color": "var(--w-on-accent)",
    "button_secondary_background_fill": "var(--w-card)",
    "button_secondary_background_fill_hover": "var(--w-well)",
    "button_secondary_border_color": "var(--w-line-strong)",
    "button_secondary_shadow": "none",
    "button_secondary_text_color": "var(--w-ink)",
    "button_small_radius": "999px",
    "color_accent": "var(--w-accent)",
    "color_accent_soft": "var(--w-accent-soft)",
    "input_background_fill": "var(--w-card)",
    "input_background_fill_focus": "var(--w-card)",
    "input_border_color": "var(--w-line-strong)",
    "input_border_color_focus": "var(--w-accent)",
    "input_radius": "10px",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 3px var(--w-accent-soft)",
    "layout_gap": "16px",
    "link_text_color": "var(--w-accent)",
    "loader_color": "var(--w-accent)",
    "shadow_drop": "none",
    "shadow_drop_lg": "var(--w-shadow)",
}


def build_theme() -> gr.themes.Base:
    """The page's theme: system fonts only, so that no other host is contacted."""
    theme = gr.themes.Base(
        font=["sans-serif"],
        font_mono=["monospace"],
        radius_size=gr.themes.sizes.radius_lg,
    )
    known = inspect.signature(theme.set).parameters
    both = {**_FROM_CSS, **{f"{name}_dark": value for name, value in _FROM_CSS.items()}}
    return theme.set(
        body_background_fill=PAPER["light"],
        body_background_fill_dark=PAPER["dark"],
        body_text_color=INK["light"],
        body_text_color_dark=INK["dark"],
        **{name: value for name, value in both.items() if name in known},
    )

"""Picture of the CTC emission: the probability of each token over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import FOOT, HEAD, PLOT_WIDTH, SLATE, TEAL, Canvas, Panel
from wav2vec2_app.worker.plots.raster import Floats, fading_palette, shades, thin
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.svg import INK_PLACEHOLDER
from wav2vec2_app.worker.plots.words import draw_words, plan_words

ROW_HEIGHT = 13
"""Height of a token's row; its label fits on a wide screen."""
BLANK_ROW_HEIGHT = 20
ROW_GAP = 8
MAX_ROWS = 40
MIN_PEAK_PROBABILITY = 0.02
"""Tokens that never reach this probability have no row."""
MIN_DOT_DISTANCE = 3.0
"""Average distance of letters from which the greedy path is drawn as dots, in units of the canvas."""


@dataclass(frozen=True)
class Spike:
    """A token of the greedy path: frames ``[start, end)``, and the one where it is most probable."""

    token: int
    start: int
    end: int
    frame: int


def draw(scene: Scene) -> Picture:
    """Probability of every token that occurs, over time; the blank in a separate strip.

    Raises:
        InputError: ``picture.needs_emission`` if the recording has not been transcribed.
    """
    emission = scene.emission
    if emission is None:
        raise InputError(
            "This picture needs a transcript.",
            code="picture.needs_emission",
            hint="Transcribe the recording first.",
        )
    probabilities = np.exp(emission.log_probs.astype(np.float32)).T
    spikes = greedy_spikes(emission)
    rows = token_rows(emission, probabilities)
    marks = plan_words(scene.words, scene.start_s, scene.end_s)
    canvas, panel, blank = _panels(scene, len(rows), marks.height)
    _draw_tokens(canvas, panel, emission, probabilities[rows], rows)
    _draw_blank(canvas, blank, emission, probabilities[emission.blank_id])
    canvas.time_axis(blank, marks.height)
    canvas.heading(HEAD - 9, "Token")
    if _draw_greedy_path(canvas, panel, emission, rows, spikes):
        canvas.legend(HEAD - 9, "currentColor", "greedy path")
    draw_words(canvas, panel, marks, under=blank)
    description = _describe(emission, len(rows), len(spikes))
    return canvas.finish("emission", "CTC emission", description)


def _panels(scene: Scene, rows: int, below: float) -> tuple[Canvas, Panel, Panel]:
    """The canvas, its panel with ``rows`` rows of tokens, and the one of the blank below."""
    height = max(rows, 1) * ROW_HEIGHT
    blank_top = HEAD + height + ROW_GAP
    canvas = Canvas(scene.start_s, scene.end_s, blank_top + BLANK_ROW_HEIGHT + below + FOOT)
    panel = canvas.panel(HEAD, height, max(rows, 1) - 0.5, -0.5)
    return canvas, panel, canvas.panel(blank_top, BLANK_ROW_HEIGHT, 0.0, 1.0)


def greedy_spikes(emission: Emission) -> list[Spike]:
    """The greedy path: the most probable token of each frame, repeats merged, blanks dropped."""
    if not len(emission.log_probs):
        return []
    best = emission.log_probs.argmax(axis=1)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(best)) + 1])
    ends = np.append(starts[1:], len(best))
    spikes = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        token = int(best[start])
        if token != emission.blank_id:
            peak = start + int(emission.log_probs[start:end, token].argmax())
            spikes.append(Spike(token, start, end, peak))
    return spikes


def token_rows(emission: Emission, probabilities: Floats) -> list[int]:
    """Tokens with a row, top to bottom: in alphabetical order, the word delimiter last."""
    peak = probabilities.max(axis=1, initial=0.0)
    occurring = [
        token for token in np.argsort(-peak)[: MAX_ROWS + 1].tolist()
        if peak[token] >= MIN_PEAK_PROBABILITY and token != emission.blank_id
    ][:MAX_ROWS]  # fmt: skip
    vocabulary, delimiter = emission.vocabulary, emission.word_delimiter
    return sorted(occurring, key=lambda token: (vocabulary[token] == delimiter, vocabulary[token]))


def _draw_tokens(
    canvas: Canvas, panel: Panel, emission: Emission, probabilities: Floats, rows: list[int]
) -> None:
    if rows:
        end_s = canvas.start_s + emission.duration_s
        canvas.image(
            panel, shades(thin(probabilities[::-1], np.max), 0.0, 1.0), fading_palette(TEAL),
            start_s=canvas.start_s, end_s=end_s, y_low=len(rows) - 0.5, y_high=-0.5,
        )  # fmt: skip
    labels = {float(row): _label(emission, token) for row, token in enumerate(rows)}
    canvas.y_ticks(panel, labels, grid=False, dense=True)
    canvas.time_grid(panel)
    for edge in range(1, len(rows)):
        panel.axes.axhline(edge - 0.5, color=INK_PLACEHOLDER, alpha=0.06, linewidth=0.6, zorder=0.4)


def _draw_blank(canvas: Canvas, panel: Panel, emission: Emission, probability: Floats) -> None:
    canvas.image(
        panel, shades(thin(probability[None, :], np.mean), 0.0, 1.0), fading_palette(SLATE),
        start_s=canvas.start_s, end_s=canvas.start_s + emission.duration_s, y_low=0.0, y_high=1.0,
    )  # fmt: skip
    canvas.y_ticks(panel, {0.5: "blank"}, grid=False)


def _draw_greedy_path(
    canvas: Canvas, panel: Panel, emission: Emission, rows: list[int], spikes: list[Spike]
) -> bool:
    """A dot on every letter of the greedy path, unless they would be too close; whether it was drawn."""
    row_of = {token: row for row, token in enumerate(rows)}
    drawn = [spike for spike in spikes if spike.token in row_of]
    if not drawn or len(drawn) * MIN_DOT_DISTANCE > PLOT_WIDTH:
        return False
    times_s = [canvas.start_s + (spike.frame + 0.5) * emission.frame_s for spike in drawn]
    heights = [row_of[spike.token] for spike in drawn]
    panel.axes.plot(
        times_s,
        heights,
        linestyle="",
        marker="o",
        markersize=4,
        color=INK_PLACEHOLDER,
        clip_on=False,
    )
    return True


def _label(emission: Emission, token: int) -> str:
    text = emission.vocabulary[token]
    return "space" if text == emission.word_delimiter else text[:6]


def _describe(emission: Emission, rows: int, spikes: int) -> str:
    blank = float(np.exp(emission.log_probs[:, emission.blank_id].astype(np.float32)).mean())
    return (
        f"Probability of {rows} tokens in {len(emission.log_probs)} frames of "
        f"{emission.frame_s * 1000:.0f} ms: {spikes} spikes, one for each letter and space of the "
        f"greedy path. The blank has {blank:.0%} of the probability."
    )

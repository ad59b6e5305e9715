"""The CTC emission over time: what the model thought, letter by letter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.canvas import FOOT, HEAD, INDIGO, INK, ORANGE, SLATE, Canvas, Panel
from wav2vec2_app.worker.plots.raster import Floats, fading_palette, shades, thin
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.words import draw_words, plan_words

ROW = 13
"""Height of a token's row: its label fits on a wide screen."""
BLANK_ROW = 20
GAP = 8
MOST_ROWS = 40
SEEN = 0.02
"""Tokens that never get this probability are left out."""
DOTS_FROM_UNITS = 3.0
"""Dots on the best path are drawn while letters lie at least this far apart on average."""


@dataclass(frozen=True)
class Spike:
    """A token of the greedy path: the frames where it stands and where it is most probable."""

    token: int
    start: int
    end: int
    frame: int


def draw(scene: Scene) -> Picture:
    """Probability of every token that occurs, over time; the blank in a strip of its own.

    Raises:
        InputError: ``picture.needs_emission`` where no model has heard the recording.
    """
    emission = scene.emission
    if emission is None:
        raise InputError(
            "This picture needs a transcript first.",
            code="picture.needs_emission",
            hint="Transcribe the recording, then draw it.",
        )
    probabilities = np.exp(emission.log_probs.astype(np.float32)).T
    spikes = greedy_spikes(emission)
    rows = token_rows(emission, probabilities)
    marks = plan_words(scene.words, scene.duration_s)
    top = HEAD + marks.height
    tokens_height = max(len(rows), 1) * ROW
    canvas = Canvas(scene.duration_s, top + tokens_height + GAP + BLANK_ROW + FOOT)
    panel = canvas.panel(top, tokens_height, max(len(rows), 1) - 0.5, -0.5)
    blank = canvas.panel(top + tokens_height + GAP, BLANK_ROW, 0.0, 1.0)
    _draw_tokens(canvas, panel, emission, probabilities[rows], rows)
    _draw_blank(canvas, blank, emission, probabilities[emission.blank_id])
    canvas.heading(18, "Token")
    if _draw_best_path(canvas, panel, emission, rows, spikes):
        canvas.legend(18, ORANGE, "best path")
    draw_words(canvas, panel, marks)
    description = _describe(emission, len(rows), len(spikes))
    return canvas.finish("emission", "CTC emission", description)


def greedy_spikes(emission: Emission) -> list[Spike]:
    """The greedy best path: most probable token of each frame, repeats merged, blanks dropped."""
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
    """Tokens that get a row, top to bottom: alphabetical, the word delimiter last."""
    peak = probabilities.max(axis=1, initial=0.0)
    seen = [
        token for token in np.argsort(-peak)[: MOST_ROWS + 1].tolist()
        if peak[token] >= SEEN and token != emission.blank_id
    ][:MOST_ROWS]  # fmt: skip
    vocabulary, delimiter = emission.vocabulary, emission.word_delimiter
    return sorted(seen, key=lambda token: (vocabulary[token] == delimiter, vocabulary[token]))


def _draw_tokens(
    canvas: Canvas, panel: Panel, emission: Emission, probabilities: Floats, rows: list[int]
) -> None:
    if rows:
        canvas.image(
            panel, shades(thin(probabilities[::-1], np.max), 0.0, 1.0), fading_palette(INDIGO),
            start_s=0.0, end_s=emission.duration_s, y_low=len(rows) - 0.5, y_high=-0.5,
        )  # fmt: skip
    labels = {float(row): _label(emission, token) for row, token in enumerate(rows)}
    canvas.y_ticks(panel, labels, grid=False, dense=True)
    canvas.time_grid(panel)
    for edge in range(1, len(rows)):
        panel.axes.axhline(edge - 0.5, color=INK, alpha=0.06, linewidth=0.6, zorder=0.4)


def _draw_blank(canvas: Canvas, panel: Panel, emission: Emission, probability: Floats) -> None:
    canvas.image(
        panel, shades(thin(probability[None, :], np.mean), 0.0, 1.0), fading_palette(SLATE),
        start_s=0.0, end_s=emission.duration_s, y_low=0.0, y_high=1.0,
    )  # fmt: skip
    canvas.y_ticks(panel, {0.5: "blank"}, grid=False)
    canvas.time_axis(panel)


def _draw_best_path(
    canvas: Canvas, panel: Panel, emission: Emission, rows: list[int], spikes: list[Spike]
) -> bool:
    """A dot on every letter of the best path, unless they would run together."""
    row_of = {token: row for row, token in enumerate(rows)}
    drawn = [spike for spike in spikes if spike.token in row_of]
    if not drawn or len(drawn) * DOTS_FROM_UNITS > canvas.x(canvas.duration_s):
        return False
    times_s = [(spike.frame + 0.5) * emission.frame_s for spike in drawn]
    heights = [row_of[spike.token] for spike in drawn]
    panel.axes.plot(
        times_s, heights, linestyle="", marker="o", markersize=4, color=ORANGE, clip_on=False
    )
    return True


def _label(emission: Emission, token: int) -> str:
    text = emission.vocabulary[token]
    return "space" if text == emission.word_delimiter else text[:6]


def _describe(emission: Emission, rows: int, spikes: int) -> str:
    blank = float(np.exp(emission.log_probs[:, emission.blank_id].astype(np.float32)).mean())
    return (
        f"Probability of {rows} tokens in {len(emission.log_probs)} frames of "
        f"{emission.frame_s * 1000:.0f} ms: {spikes} spikes, one for each letter and space on the "
        f"best path. The blank has {blank:.0%} of the probability."
    )

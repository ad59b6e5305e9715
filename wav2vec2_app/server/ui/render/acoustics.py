"""The acoustic analysis: a warning, the measures with what they say, and a map of the silences."""

from __future__ import annotations

from html import escape

from wav2vec2_app.server.schema.acoustics import summary_of
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units
from wav2vec2_app.speech.acoustic_tables import MeasuredValue, clipped_warning, readings
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.transcript import Transcript


def idle() -> str:
    """Before there is an analysis."""
    return f'<p class="w-hint">{texts.ACOUSTICS_IDLE}</p>'


def analysis(found: Acoustics, transcript: Transcript | None, duration_s: float) -> str:
    """All of it, with buttons that save it as tables."""
    warning = clipped_warning(found)
    alert = f'<p class="w-struggles" role="alert">{escape(warning)}</p>' if warning else ""
    rows = "".join(_row(one) for one in readings(summary_of(found, transcript)))
    return (
        f'<div class="w-acoustics">{alert}{_silences(found, duration_s)}'
        f'<div class="w-table" tabindex="0" role="region" aria-label="{texts.ACOUSTICS}"><table>'
        f"<thead><tr>{_head()}</tr></thead><tbody>{rows}</tbody></table></div>{_buttons()}</div>"
    )


def _head() -> str:
    return "".join(f'<th scope="col">{column}</th>' for column in texts.ACOUSTICS_COLUMNS)


def _row(one: MeasuredValue) -> str:
    measure = one.measure
    return (
        f'<tr data-measure="{measure.name}"><th scope="row">{escape(measure.label)}</th>'
        f"<td>{escape(one.text)}</td><td>{escape(measure.help)}</td></tr>"
    )


def _silences(found: Acoustics, duration_s: float) -> str:
    """A bar of the recording on which silences and clipped parts are marked."""
    if duration_s <= 0:
        return ""
    total_s = float((found.silences[:, 1] - found.silences[:, 0]).sum())
    text = texts.SILENCES_ONE if len(found.silences) == 1 else texts.SILENCES
    label = text.format(count=len(found.silences), total=units.seconds(total_s))
    marks = "".join(
        f'<i data-kind="{kind}" style="left:{100 * start / duration_s:.2f}%;'
        f'width:{max(0.2, 100 * (end - start) / duration_s):.2f}%"></i>'
        for kind, parts in (("silence", found.silences), ("clipped", found.clipped))
        for start, end in parts[:400].tolist()
    )
    return (
        f'<p class="w-hint">{label}</p><div class="w-silences" role="img" aria-label="{label}">'
        f"{marks}</div>"
    )


def _buttons() -> str:
    files = (("acoustics.csv", texts.MEASURES_CSV), ("acoustics.frames.csv", texts.FRAMES_CSV))
    buttons = "".join(
        f'<button type="button" class="w-button w-small" data-do="save" data-name="{name}">{label}</button>'
        for name, label in files
    )
    label = texts.EXPORT_ACOUSTICS
    return f'<div class="w-actions" role="group" aria-label="{label}">{buttons}</div>'

"""The models and their states: loaded, on disk, being downloaded, or to be downloaded."""

from __future__ import annotations

from html import escape

from wav2vec2_app.server.status import OrchestratorStatus
from wav2vec2_app.server.ui import texts
from wav2vec2_app.speech.models import AUTO_MODEL, ModelChoice

PROGRESS_STEPS = 10
"""A label of a choice changes so often during a download: each change renders the choice again."""


def label(choice: ModelChoice) -> str:
    """The label of a choice, with its state where that matters for the choice."""
    name = name_of(choice)
    if choice.name == AUTO_MODEL:
        return name
    if choice.state == "downloading":
        percent = int((choice.progress or 0.0) * PROGRESS_STEPS) * 100 // PROGRESS_STEPS
        return texts.MODEL_DOWNLOADING.format(label=name, percent=percent)
    if choice.state == "loaded":
        return texts.MODEL_LOADED.format(label=name)
    return name if choice.ready else texts.MODEL_NOT_DOWNLOADED.format(label=name)


def name_of(choice: ModelChoice) -> str:
    """What the page calls a model."""
    if choice.label != choice.name:
        return choice.label
    return texts.MODEL_LABELS.get(choice.name, choice.name)


def table(now: OrchestratorStatus) -> str:
    """A table of the models with their states; empty before they are known."""
    choices = [choice for adapter in now.adapters for choice in adapter.choices]
    rows = "".join(_row(choice) for choice in choices if choice.name != AUTO_MODEL and choice.state)
    if not rows:
        return ""
    columns = "".join(f'<th scope="col">{column}</th>' for column in texts.MODEL_COLUMNS)
    return (
        f'<table class="w-memory w-models"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(choice: ModelChoice) -> str:
    state = texts.MODEL_STATES.get(choice.state, choice.state)
    if choice.progress is not None:
        percent = int(100 * choice.progress)
        state = (
            f"{state} {percent} % "
            f'<progress max="100" value="{percent}" aria-label="{escape(choice.name)}"></progress>'
        )
    return (
        f'<tr data-state="{escape(choice.state)}"><th scope="row">{escape(name_of(choice))}</th>'
        f"<td>{state}</td></tr>"
    )

"""The state of the system: the line at the top, notices, the choice of models, and memory."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.status import OrchestratorStatus, ProcessMemory
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import models, units
from wav2vec2_app.server.ui.render.latency import figures, process_kind
from wav2vec2_app.speech.models import AUTO_MODEL, ModelInfo

Choices = list[tuple[str, str]]
"""Models as (label, name)."""

# --- the line at the top ------------------------------------------------------------------------


def unknown() -> str:
    """The line before the first status."""
    return '<p class="w-system"><span class="w-dot" aria-hidden="true"></span><b>…</b></p>'


def line(now: OrchestratorStatus) -> str:
    """The loaded model and its device, whether the system is ready, and how many requests wait."""
    model = next((one.model for one in now.adapters if one.model), None)
    ready = schema.is_ready(now)
    facts = " · ".join(map(escape, _device(model))) if model else ""
    queue = texts.QUEUED.format(count=now.queued) if now.queued else ""
    starting = "" if ready else _not_ready(now)
    parts = [part for part in (facts, queue, starting, *_breakers(now)) if part]
    return (
        f'<button type="button" class="w-system" data-state="{"ready" if ready else "starting"}" '
        f'data-do="memory" aria-expanded="false" title="{texts.SYSTEM_DETAILS}">'
        '<span class="w-dot" aria-hidden="true"></span>'
        f"<b>{escape(model.name) if model else texts.NO_MODEL}</b>"
        f"{''.join(f'<span>{part}</span>' for part in parts)}</button>"
    )


_ENGINES: Final = {"openvino": "OpenVINO", "torch": "PyTorch", "ctranslate2": "CTranslate2"}


def _device(model: ModelInfo) -> tuple[str, ...]:
    return _ENGINES.get(model.engine, model.engine), model.device, model.precision


def _not_ready(now: OrchestratorStatus) -> str:
    states = {worker.state for adapter in now.adapters for worker in adapter.workers}
    return texts.WORKER_DOWN if "down" in states else texts.STARTING


def _breakers(now: OrchestratorStatus) -> list[str]:
    """Operations whose circuit breakers are not closed."""
    return [
        escape(texts.BREAKERS[state].format(circuit=circuit.replace("_", " ")))
        for circuit, state in now.breakers.items()
        if state in texts.BREAKERS
    ]


def notices(now: OrchestratorStatus) -> str:
    """Notices of the adapters, each once, folded: which model answers and why, a download that is running."""
    found = dict.fromkeys(text for adapter in now.adapters for text in adapter.notices)
    items = "".join(f"<li>{escape(text)}</li>" for text in found)
    if not items:
        return ""
    return (
        f'<details class="w-notices"><summary>{escape(_short(now, list(found)))}</summary>'
        f"<ul>{items}</ul></details>"
    )


MAX_CHIP_CHARACTERS: Final = 60


def _short(now: OrchestratorStatus, found: Sequence[str]) -> str:
    """What a user has to know at a glance."""
    if len(found) == 1 and len(found[0]) <= MAX_CHIP_CHARACTERS:
        return found[0]
    embedded = any(one.model and one.model.source == "embedded" for one in now.adapters)
    return texts.BUILT_IN_MODEL if embedded else texts.NOTES.format(count=len(found))


def choices(now: OrchestratorStatus) -> Choices:
    """The models that can be chosen, the automatic choice first."""
    labels = {AUTO_MODEL: texts.MODEL_LABELS[AUTO_MODEL]}
    for adapter in now.adapters:
        labels |= {choice.name: models.label(choice) for choice in adapter.choices}
    return [(label, name) for name, label in labels.items()]


# --- memory -------------------------------------------------------------------------------------


def memory(now: OrchestratorStatus) -> str:
    """Memory of every process, now and at its peak, against the limit; and the models in it."""
    report = next((one.memory for one in now.adapters if one.memory), None)
    if report is None or not report.processes:
        return f'<p class="w-hint">{texts.MEMORY_HINT}</p>'
    limit = max(report.limit_bytes, 1)
    scale = max(limit, report.total_bytes)
    share = report.total_bytes / limit
    in_words = texts.MEMORY_WEIGHTS if report.model_bytes else texts.MEMORY_SHARE
    headline = figures(
        units.memory(report.total_bytes),
        texts.MEMORY_LIMIT.format(limit=units.memory(limit)),
        in_words.format(share=units.percent(share), weights=units.memory(report.model_bytes)),
    )
    bars = "".join(_bar(process, scale) for process in report.processes)
    columns = "".join(f'<th scope="col">{column}</th>' for column in texts.MEMORY_COLUMNS)
    return (
        f'{headline}<div class="w-stack" aria-hidden="true" data-over="{str(share > 1).lower()}">'
        f'{bars}</div><table class="w-memory"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{''.join(_row(process) for process in report.processes)}</tbody></table>"
        f"{models.table(now)}"
    )


def _bar(process: ProcessMemory, scale: int) -> str:
    return (
        f'<span data-process="{process_kind(process.name)}" '
        f'style="--width:{process.own_bytes / scale:.4f}"></span>'
    )


def _row(process: ProcessMemory) -> str:
    kind = process_kind(process.name)
    name = texts.PROCESSES["server"] if kind == "server" else process.name.replace("_", " ")
    return (
        f'<tr data-process="{kind}"><th scope="row">'
        f'<span class="w-key" aria-hidden="true"></span>{escape(name)}</th>'
        f"<td>{units.memory(process.own_bytes)}</td>"
        f"<td>{units.memory(process.peak_rss_bytes)}</td></tr>"
    )

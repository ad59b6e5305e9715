"""What a request cost and what the system is doing, as HTML; pure functions, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.status import OrchestratorStatus, ProcessMemory
from wav2vec2_app.server.tasks import WAITING, AudioResult, Stage
from wav2vec2_app.server.ui import units
from wav2vec2_app.speech.models import ModelChoice, ModelInfo

# --- latency ------------------------------------------------------------------------------------

_QUEUE: Final = "queue"
_TOTAL: Final = "total"
_SAME_MOMENT_S: Final = 0.002
"""How far apart the end of a wait and the start of what it waited for may be, seconds."""


def latency(stages: Sequence[Stage], result: AudioResult | None = None, wall_s: float = 0.0) -> str:
    """The waterfall of one request: every stage as a bar on one time axis, then the total.

    Args:
        stages: as they are known so far.
        result: the finished request, for the real-time factor.
        wall_s: the time since submission, for the total.
    """
    done = sorted((stage for stage in stages if stage.name != _TOTAL), key=_by_start)
    whole = max([wall_s, *(stage.start_s + stage.duration_s for stage in stages)], default=0.0)
    if whole <= 0:
        return latency_empty()
    rows = "".join(_row(stage, wait, whole) for stage, wait in _with_waits(done))
    total = _row(Stage(_TOTAL, 0.0, whole, "total"), None, whole)
    return (
        f'{_headline(result)}<div class="w-chart"><ol class="w-waterfall" '
        f'aria-label="Stages of this request">{rows}{total}</ol>{_axis(whole)}</div>'
        f"{_processes(done)}"
    )


def latency_empty() -> str:
    """The panel before there is a request."""
    return '<p class="w-hint">Where the time goes, stage by stage, until the last picture.</p>'


def latency_pending() -> str:
    """The panel while no stage has ended: as high as it will be, so that nothing below it moves."""
    return f'{_headline(None)}<div class="w-chart"></div>{_processes(())}'


def _by_start(stage: Stage) -> tuple[float, float]:
    return stage.start_s, stage.start_s + stage.duration_s


def _with_waits(stages: Sequence[Stage]) -> list[tuple[Stage, Stage | None]]:
    """Each stage with the wait for its worker that led up to it."""
    waits = [stage for stage in stages if stage.name == WAITING]
    rows: list[tuple[Stage, Stage | None]] = []
    for stage in stages:
        if stage.name != WAITING:
            led_up = next((wait for wait in waits if _leads_to(wait, stage)), None)
            rows.append((stage, led_up))
    return rows


def _leads_to(wait: Stage, stage: Stage) -> bool:
    gap_s = stage.start_s - (wait.start_s + wait.duration_s)
    return wait.process == stage.process and abs(gap_s) <= _SAME_MOMENT_S


def _row(stage: Stage, wait: Stage | None, whole: float) -> str:
    kind = "wait" if stage.name == _QUEUE else _process_kind(stage.process)
    waited = f"after {units.seconds(wait.duration_s)} of waiting for the worker" if wait else ""
    return (
        f'<li data-process="{kind}" title="{waited}">'
        f'<span class="w-bar-name">{escape(_spoken(stage.name))}</span>'
        f'<span class="w-track" aria-hidden="true">{_bar(wait, whole, "w-wait") if wait else ""}'
        f'{_bar(stage, whole)}</span><span class="w-bar-value">{units.seconds(stage.duration_s)}'
        f'</span><span class="w-aside">{waited}</span></li>'
    )


def _bar(stage: Stage, whole: float, extra: str = "") -> str:
    left = min(1.0, max(0.0, stage.start_s / whole))
    width = min(1.0 - left, max(0.0, stage.duration_s / whole))
    return f'<span class="w-bar {extra}" style="--left:{left:.4f};--width:{width:.4f}"></span>'


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _process_kind(process: str) -> str:
    for kind in ("audio", "inference", "text", "total"):
        if kind in process:
            return kind
    return "page"


def _headline(result: AudioResult | None) -> str:
    if result is None or result.real_time_factor <= 0:
        return _figures("–", "real-time factor", "…")
    if schema.is_reused(result):
        return _figures(
            units.seconds(result.real_time_factor * result.audio.duration_s),
            "of work",
            "from what the model had said of this recording before: it did not run again",
        )
    heard = result.audio.duration_s
    worked = units.seconds(result.real_time_factor * heard)
    return _figures(
        f"{result.real_time_factor:.3f}",
        "real-time factor",
        f"{units.seconds(heard)} of audio in {worked}: {units.speed(result.real_time_factor)}",
    )


def _figures(number: str, of_what: str, in_words: str) -> str:
    return (
        f'<p class="w-figures"><b>{number}</b> <span>{of_what}</span>'
        f'<span class="w-plain">{in_words}</span></p>'
    )


def _axis(whole: float) -> str:
    ticks = (0.0, whole / 2, whole)
    return (
        '<div class="w-axis" aria-hidden="true">'
        + "".join(f"<span>{units.seconds(tick) if tick else '0'}</span>" for tick in ticks)
        + "</div>"
    )


def _processes(stages: Sequence[Stage]) -> str:
    """What the colours mean: which process did the work, and what was waiting."""
    found = dict.fromkeys(_process_kind(stage.process) for stage in stages)
    names = {
        "page": "page",
        "audio": "audio worker",
        "inference": "inference worker",
        "text": "text worker",
    }
    shown = {kind: name for kind, name in names.items() if kind in found or not found}
    items = "".join(
        f'<li data-process="{kind}"><span class="w-key" aria-hidden="true"></span>{name}</li>'
        for kind, name in {**shown, "wait": "waiting"}.items()
    )
    return f'<ul class="w-keys" aria-label="Which process did the work">{items}</ul>'


# --- memory -------------------------------------------------------------------------------------


def memory(now: OrchestratorStatus) -> str:
    """Resident memory of every process, now and at its highest, against the limit."""
    report = next((one.memory for one in now.adapters if one.memory), None)
    if report is None or not report.processes:
        return '<p class="w-hint">How much memory each process holds, against the limit.</p>'
    limit = max(report.limit_bytes, 1)
    scale = max(limit, report.total_rss_bytes)
    rows = "".join(_process_row(process, scale) for process in report.processes)
    share = report.total_rss_bytes / limit
    weights = f"; the model's weights are {units.memory(report.model_bytes)}"
    figures = _figures(
        units.memory(report.total_rss_bytes),
        f"of {units.memory(limit)} allowed",
        f"{units.percent(share)} of the limit{weights if report.model_bytes else ''}",
    )
    return (
        f"{figures}"
        f'<div class="w-stack" aria-hidden="true" data-over="{str(share > 1).lower()}">'
        f"{''.join(_slice(process, scale) for process in report.processes)}</div>"
        '<table class="w-memory"><thead><tr><th scope="col">Process</th><th scope="col">now</th>'
        f'<th scope="col">peak</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _slice(process: ProcessMemory, scale: int) -> str:
    return (
        f'<span data-process="{_process_kind(process.name)}" '
        f'style="--width:{process.rss_bytes / scale:.4f}"></span>'
    )


def _process_row(process: ProcessMemory, scale: int) -> str:
    return (
        f'<tr data-process="{_process_kind(process.name)}"><th scope="row">'
        f'<span class="w-key" aria-hidden="true"></span>{escape(_spoken(process.name))}</th>'
        f"<td>{units.memory(process.rss_bytes)}</td>"
        f"<td>{units.memory(process.peak_rss_bytes)}</td></tr>"
    )


# --- the line at the top ------------------------------------------------------------------------


def system_unknown() -> str:
    """The line before the first word from the server."""
    return '<p class="w-system"><span class="w-dot" aria-hidden="true"></span><b>…</b></p>'


def system_line(now: OrchestratorStatus) -> str:
    """Which model is loaded and where, whether the system is ready, and who is waiting."""
    model = next((one.model for one in now.adapters if one.model), None)
    ready = schema.is_ready(now)
    state = "ready" if ready else "starting"
    name = escape(model.name) if model else "no model loaded"
    facts = " · ".join(map(escape, _where(model))) if model else ""
    queue = f"{now.queued} waiting" if now.queued else ""
    parts = [part for part in (facts, queue, "" if ready else _down(now)) if part]
    return (
        f'<p class="w-system" data-state="{state}"><span class="w-dot" aria-hidden="true"></span>'
        f"<b>{name}</b>{''.join(f'<span>{part}</span>' for part in parts)}</p>"
    )


_ENGINES: Final = {"openvino": "OpenVINO", "torch": "PyTorch"}


def _where(model: ModelInfo) -> tuple[str, ...]:
    return _ENGINES.get(model.engine, model.engine), model.device, model.precision


def _down(now: OrchestratorStatus) -> str:
    states = {worker.state for adapter in now.adapters for worker in adapter.workers}
    return "a worker is down" if "down" in states else "starting"


def notices(now: OrchestratorStatus) -> str:
    """What the adapters have to say to a person: which model answers and why, a fetch under way."""
    texts = dict.fromkeys(text for adapter in now.adapters for text in adapter.notices)
    lines = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="w-notices">{lines}</ul>' if lines else ""


_LABELS: Final = {
    "auto": "Automatic (the best one here)",
    "embedded": "Embedded (small and quick)",
}


def choices(now: OrchestratorStatus) -> list[tuple[str, str]]:
    """The models a person may choose as (label, name), the automatic choice first."""
    found = {"auto": _LABELS["auto"]}
    for adapter in now.adapters:
        found |= {choice.name: _choice_label(choice) for choice in adapter.choices}
    return [(label, name) for name, label in found.items()]


def _choice_label(choice: ModelChoice) -> str:
    label = choice.label if choice.label != choice.name else _LABELS.get(choice.name, choice.name)
    ready = choice.ready or choice.name == "auto"
    return label if ready else f"{label} (not here yet)"

"""The status view: a page of its own that shows the state of the system and its recent past.

Nothing is computed while it is closed: an open page fetches a new view every two seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.monitoring.history import HISTORY_S, Finished, History, MemorySample
from wav2vec2_app.server.monitoring.system import named
from wav2vec2_app.server.status import MemoryReport, OrchestratorStatus, WorkerStatus
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import charts, units
from wav2vec2_app.server.ui.render.latency import process_kind

BINS: Final = 30
"""Columns of the chart of requests."""
VIEW_REFRESH_S: Final = 2.0


def page(now: OrchestratorStatus, history: History, assets: Path) -> str:
    """The complete page, with its first view."""
    folder = assets / "ui"
    style = (folder / "page.css").read_text("utf-8").split("/* --- frame --- */")[0]
    values = {
        "title": escape(texts.STATUS_TITLE),
        "back": escape(texts.STATUS_BACK),
        "lost": json.dumps(texts.STATUS_LOST),
        "refresh_ms": str(round(VIEW_REFRESH_S * 1000)),
        "style": style + (folder / "status.css").read_text("utf-8"),
        "view": view(now, history),
    }
    return Template((folder / "status.html").read_text("utf-8")).substitute(values)


def view(now: OrchestratorStatus, history: History) -> str:
    """Everything that changes."""
    report = next((one.memory for one in now.adapters if one.memory), None)
    if report is not None:
        history.note_memory(report)
    return "".join(
        (
            _state(now),
            _panel(texts.STATUS_REQUESTS, _requests(history.finished(), history.clock())),
            _panel(texts.STATUS_QUEUE, _queue(now) + _breakers(now)),
            _panel(texts.STATUS_MEMORY, _memory(history.memory(), report, history.clock())),
            _panel(texts.STATUS_STAGES, _stages(history)),
            _panel(texts.STATUS_WORKERS, _workers(now), wide=True),
            _panel(texts.STATUS_INCIDENTS, _incidents(history), wide=True),
        )
    )


def _state(now: OrchestratorStatus) -> str:
    ready = schema.is_ready(now)
    text = texts.STATUS_READY if ready else texts.STATUS_NOT_READY
    names = ", ".join(one.model.name for one in now.adapters if one.model)
    return (
        f'<p class="w-state" data-ready="{str(ready).lower()}" data-wide>'
        f"<b>{text}</b> <span>{escape(names)}</span></p>"
    )


def _panel(title: str, content: str, *, wide: bool = False) -> str:
    width = " data-wide" if wide else ""
    return f'<section class="w-box"{width}><h2>{escape(title)}</h2>{content}</section>'


# --- charts -------------------------------------------------------------------------------------


def _requests(finished: Sequence[Finished], now_s: float) -> str:
    columns = [[0, 0] for _ in range(BINS)]
    for task in finished:
        age = (now_s - task.at_s) / HISTORY_S
        columns[max(0, min(BINS - 1, int((1 - age) * BINS)))][0 if task.done else 1] += 1
    done = sum(task.done for task in finished)
    failed = len(finished) - done
    description = texts.STATUS_REQUESTS_ALT.format(done=done, failed=failed)
    chart = charts.bars([(one[0], one[1]) for one in columns], description)
    keys = (("done", texts.STATUS_SUCCEEDED, done), ("failed", texts.STATUS_FAILED, failed))
    legend = "".join(
        f'<li><i data-kind="{kind}"></i>{text.format(count=count)}</li>'
        for kind, text, count in keys
    )
    return f"{chart}{_axis()}<ul class='w-keys'>{legend}</ul>{_hint(texts.STATUS_REQUESTS_HINT)}"


def _memory(samples: Sequence[MemorySample], report: MemoryReport | None, now_s: float) -> str:
    if report is None or not samples:
        return _hint(texts.MEMORY_HINT)
    series: dict[str, list[tuple[float, float]]] = {}
    for sample in samples:
        for name, count in sample.bytes_of.items():
            series.setdefault(name, []).append((sample.at_s, count))
    highest = max(count for points in series.values() for _, count in points)
    total, limit = units.memory(report.total_rss_bytes), units.memory(report.limit_bytes)
    description = texts.STATUS_MEMORY_ALT.format(total=total, limit=limit)
    chart = charts.lines(series, (now_s - HISTORY_S, now_s), highest * 1.1, description)
    legend = "".join(
        f'<li><i data-process="{process_kind(one.name)}"></i>{escape(one.name)} '
        f"{units.memory(one.rss_bytes)}</li>"
        for one in report.processes
    )
    hint = _hint(f"{description}. {texts.STATUS_MEMORY_HINT}")
    return f"{chart}{_axis()}<ul class='w-keys'>{legend}</ul>{hint}"


def _axis() -> str:
    begin, end = texts.STATUS_AGO
    return f'<p class="w-ends"><span>{begin}</span><span>{end}</span></p>'


# --- tables -------------------------------------------------------------------------------------


def _stages(history: History) -> str:
    rows = [
        (
            escape(texts.STAGES.get(one.stage, one.stage)),
            str(one.count),
            *(units.seconds(value) for value in (one.p50_s, one.p95_s, one.p99_s)),
        )
        for one in history.stages()
    ]
    return _table(texts.STATUS_STAGE_COLUMNS, rows) if rows else _hint(texts.STATUS_STAGES_NONE)


def _queue(now: OrchestratorStatus) -> str:
    values = (f"{now.queued} / {now.queue_size}", str(now.running), units.seconds(now.wait_s))
    facts = zip(texts.STATUS_QUEUE_FACTS, values, strict=True)
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<dl class="w-facts">{cells}</dl>'


def _breakers(now: OrchestratorStatus) -> str:
    items = "".join(
        f'<li data-state="{escape(state)}"><code>{escape(name)}</code> {escape(state)}</li>'
        for name, state in sorted(now.breakers.items())
    )
    listed = f'<ul class="w-breakers">{items}</ul>' if items else _hint(texts.STATUS_BREAKERS_NONE)
    return f"<h3>{texts.STATUS_BREAKERS}</h3>{listed}"


def _workers(now: OrchestratorStatus) -> str:
    workers = named([worker for adapter in now.adapters for worker in adapter.workers])
    rows = [_worker(name, worker) for name, worker in workers]
    return _table(texts.STATUS_WORKER_COLUMNS, rows)


def _worker(name: str, worker: WorkerStatus) -> tuple[str, ...]:
    return (
        escape(name),
        f'<span data-state="{escape(worker.state)}">{escape(worker.state)}</span>',
        str(worker.pid or "–"),
        _seconds(worker.age_s),
        _seconds(worker.init_s),
        units.seconds(worker.busy_s),
        str(worker.waiting),
        str(worker.restarts),
        escape(worker.last_exit) or "–",
    )


def _incidents(history: History) -> str:
    rows = [
        (
            escape(texts.STATUS_SINCE.format(time=units.seconds(history.clock() - one.at_s))),
            escape(one.subject),
            escape(one.what),
        )
        for one in history.incidents()
    ]
    return _table((), rows) if rows else _hint(texts.STATUS_INCIDENTS_NONE)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    thead = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<div class="w-scroll"><table>{thead}<tbody>{body}</tbody></table></div>'


def _hint(text: str) -> str:
    return f'<p class="w-hint">{escape(text)}</p>'


def _seconds(value: float | None) -> str:
    return units.seconds(value) if value is not None else "–"

"""The time of one request: a waterfall of its stages, its speed, and the process of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from wav2vec2_app.server.results import WAITING, AudioResult, Stage
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units

_QUEUE: Final = "queue"
_TOTAL: Final = "total"
_SAME_MOMENT_S: Final = 0.002
"""Longest gap between the end of a wait and the start of the stage that waited, seconds."""


def waterfall(
    stages: Sequence[Stage], result: AudioResult | None = None, wall_s: float = 0.0
) -> str:
    """Every stage as a bar on one time axis, then the total.

    Args:
        stages: those known so far.
        result: the finished request, for the real-time factor.
        wall_s: the time since submission, for the total.
    """
    done = sorted((stage for stage in stages if stage.name != _TOTAL), key=_by_start)
    total_s = max([wall_s, *(stage.start_s + stage.duration_s for stage in stages)], default=0.0)
    if total_s <= 0:
        return idle()
    rows = "".join(_row(stage, wait, total_s) for stage, wait in _with_waits(done))
    total = _row(Stage(_TOTAL, 0.0, total_s, _TOTAL), None, total_s)
    return (
        f'{_headline(result)}<div class="w-chart"><ol class="w-waterfall" '
        f'aria-label="{texts.LATENCY_HELP}">{rows}{total}</ol>{_axis(total_s)}</div>'
        f"{_processes(done)}"
    )


def idle() -> str:
    """The panel before the first request."""
    return f'<p class="w-hint">{texts.LATENCY_HINT}</p>'


def pending() -> str:
    """The panel while no stage has ended: as high as it will be, so that nothing below it moves."""
    return f'{_headline(None)}<div class="w-chart"></div>{_processes(())}'


def process_kind(process: str) -> str:
    """The kind of a process, which selects its colour: audio, inference, text, total or server."""
    if "whisper" in process:
        return "inference"
    kinds = ("audio", "inference", "text", _TOTAL)
    return next((kind for kind in kinds if kind in process), "server")


def figures(number: str, unit: str, in_words: str) -> str:
    """The headline of a panel: a large number, its unit, and a sentence."""
    return (
        f'<p class="w-figures"><b>{number}</b> <span>{unit}</span>'
        f'<span class="w-plain">{in_words}</span></p>'
    )


def _by_start(stage: Stage) -> tuple[float, float]:
    return stage.start_s, stage.start_s + stage.duration_s


def _with_waits(stages: Sequence[Stage]) -> list[tuple[Stage, Stage | None]]:
    """Each stage with its wait for a worker, if there was one."""
    waits = [stage for stage in stages if stage.name == WAITING]
    return [
        (stage, next((wait for wait in waits if _precedes(wait, stage)), None))
        for stage in stages
        if stage.name != WAITING
    ]


def _precedes(wait: Stage, stage: Stage) -> bool:
    gap_s = stage.start_s - (wait.start_s + wait.duration_s)
    return wait.process == stage.process and abs(gap_s) <= _SAME_MOMENT_S


def _row(stage: Stage, wait: Stage | None, total_s: float) -> str:
    kind = "wait" if stage.name == _QUEUE else process_kind(stage.process)
    waited = texts.WAITED.format(wait=units.seconds(wait.duration_s)) if wait else ""
    label = texts.STAGES.get(stage.name, stage.name.replace("_", " "))
    return (
        f'<li data-process="{kind}" title="{waited}">'
        f'<span class="w-bar-name">{escape(label)}</span>'
        f'<span class="w-track" aria-hidden="true">{_bar(wait, total_s, "w-wait") if wait else ""}'
        f'{_bar(stage, total_s)}</span><span class="w-bar-value">{units.seconds(stage.duration_s)}'
        f'</span><span class="w-offscreen">{waited}</span></li>'
    )


def _bar(stage: Stage, total_s: float, extra: str = "") -> str:
    left = min(1.0, max(0.0, stage.start_s / total_s))
    width = min(1.0 - left, max(0.0, stage.duration_s / total_s))
    return f'<span class="w-bar {extra}" style="--left:{left:.4f};--width:{width:.4f}"></span>'


def _headline(result: AudioResult | None) -> str:
    if result is None or result.real_time_factor <= 0:
        return figures("–", texts.REAL_TIME_FACTOR, "…")
    work = units.seconds(result.real_time_factor * result.audio.duration_s)
    if result.cached:
        return figures(work, texts.OF_WORK, texts.NOT_RUN_AGAIN)
    audio, speed = units.seconds(result.audio.duration_s), units.speed(result.real_time_factor)
    in_words = texts.SPEED_IN_WORDS.format(audio=audio, work=work, speed=speed)
    return figures(f"{result.real_time_factor:.3f}", texts.REAL_TIME_FACTOR, in_words)


def _axis(total_s: float) -> str:
    ticks = (0.0, total_s / 2, total_s)
    labels = "".join(f"<span>{units.seconds(tick) if tick else '0'}</span>" for tick in ticks)
    return f'<div class="w-axis" aria-hidden="true">{labels}</div>'


def _processes(stages: Sequence[Stage]) -> str:
    """The legend of colours: the process of each stage, and waiting."""
    found = {process_kind(stage.process) for stage in stages}
    labels = {kind: label for kind, label in texts.PROCESSES.items() if kind in found or not found}
    items = "".join(
        f'<li data-process="{kind}"><span class="w-key" aria-hidden="true"></span>{label}</li>'
        for kind, label in {**labels, "wait": texts.WAITING}.items()
    )
    return f'<ul class="w-keys" aria-label="{texts.PROCESSES_HELP}">{items}</ul>'

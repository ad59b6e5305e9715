"""Having a recording heard window by window, so that nobody waits behind a whole long file.

The windows of a recording are requests of their own, one at a time (or as many as the engine is quicker with
at once): between two of them the worker hears those of other people. A cancelled task stops within one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from wav2vec2_app.protocol.emissions import unpack_emission
from wav2vec2_app.protocol.frame import Arrays
from wav2vec2_app.server.bridge.process import Answer
from wav2vec2_app.server.service.spool import release
from wav2vec2_app.server.service.timed import Timed
from wav2vec2_app.server.tasks import WAITING, Progress, Report, Stage
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import Audio, Float32
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.seams import join
from wav2vec2_app.speech.windows import IN_ONE, FrameGrid, Level, Window, windows_of

Ask = Callable[[str, Mapping[str, Any], Arrays, float], Awaitable[Timed[Answer]]]
"""Has an inference worker do an operation: its name, meta, arrays, and seconds of audio in them."""

YieldToShort = Callable[[], Awaitable[float]]
"""Waits before a step of a long recording, so that short ones get through; tells how long, seconds."""

T = TypeVar("T")

LONG_S = 60.0
"""Longer recordings are measured in a thread, so that the event loop goes on, seconds."""


def is_single_window(audio: Audio, settings: Settings) -> bool:
    """Whether ``audio`` is short enough to be heard without windows."""
    return audio.duration_s <= IN_ONE * settings.window_s


async def emit(
    ask: Ask,
    audio: Audio,
    model: str,
    settings: Settings,
    report: Report,
    yield_to_short: YieldToShort,
) -> Timed[Emitted]:
    """What ``model`` hears in ``audio``; ``report`` gets the fraction done after each window."""
    if is_single_window(audio, settings):
        timed = await ask("emit", {"model": model}, {"samples": audio.samples}, audio.duration_s)
        report(Progress(fraction=1.0))
        return Timed(_emitted(timed.value, _emission(timed.value), audio), timed.stages)
    loaded = await ask("load", {"model": model}, {}, 0.0)
    windows = windows_of(
        len(audio.samples),
        FrameGrid(**loaded.value.meta["grid"]),
        window_s=settings.window_s,
        overlap_s=settings.window_overlap_s,
    )
    level = await _level_of(audio)
    emissions: list[Emission] = []
    stages: list[tuple[Stage, ...]] = []
    ahead = max(1, int(loaded.value.meta["together"]))
    for begin in range(0, len(windows), ahead):
        some = windows[begin : begin + ahead]
        aside_s = await yield_to_short()
        heard = await _all(_hear(ask, audio.samples, window, level, model) for window in some)
        emissions += [_emission(timed.value) for timed in heard]
        stages.append((waited(aside_s, heard[0].stages),))
        stages += [timed.stages for timed in heard]
        release(audio.samples)
        report(Progress(fraction=len(emissions) / len(windows)))
    whole = _emitted(loaded.value, join(windows, emissions), audio)
    return Timed(whole, (*loaded.stages, *summed(stages)))


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of ``work`` comes to; if one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def _level_of(audio: Audio) -> Level:
    if audio.duration_s <= LONG_S:
        return Level.of(audio.samples)
    level = await asyncio.to_thread(Level.of, audio.samples)
    release(audio.samples)
    return level


async def _hear(
    ask: Ask, samples: Float32, window: Window, level: Level, model: str
) -> Timed[Answer]:
    part = samples[window.start : window.stop]
    seconds = Audio(part, 0, 1, "").duration_s
    return await ask("emit", {"model": model, "level": asdict(level)}, {"samples": part}, seconds)


def _emission(answer: Answer) -> Emission:
    return unpack_emission(answer.meta["emission"], answer.arrays)


def _emitted(answer: Answer, emission: Emission, audio: Audio) -> Emitted:
    return Emitted(emission, ModelInfo(**answer.meta["model"]), audio.duration_s)


def waited(seconds: float, before: Sequence[Stage]) -> Stage:
    """The stage of having stood aside before others."""
    return Stage(WAITING, 0.0, seconds, before[0].process if before else "")


def summed(parts: Sequence[tuple[Stage, ...]]) -> tuple[Stage, ...]:
    """The stages of requests one after the other, as one of each name; their waiting comes first."""
    stages = [stage for part in parts for stage in part]
    seconds: dict[str, float] = {WAITING: 0.0}
    for stage in stages:
        seconds[stage.name] = seconds.get(stage.name, 0.0) + stage.duration_s
    joined: list[Stage] = []
    start_s = 0.0
    for name, duration_s in seconds.items():
        if duration_s > 0:
            joined.append(Stage(name, start_s, duration_s, stages[0].process))
        start_s += duration_s
    return tuple(joined)

"""Forward passes recorded as CUDA graphs, for shapes that come again and again.

A short batch keeps a fast GPU busy for less time than Python takes to launch its few hundred kernels one by
one. A recording launches them all at once (CUDA C++ Programming Guide, "CUDA Graphs"), but holds for one
shape only. Recordings are windows of few lengths, so a shape that keeps coming is recorded; a short trial
decides whether its recording answers from then on.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch

log = logging.getLogger(__name__)

Pass = Callable[[torch.Tensor], torch.Tensor]
"""A batch on the device to log-probabilities there. A recorded pass may write over what it gave before."""

Record = Callable[[Pass, torch.Tensor], Pass]
"""Records a pass for the shape of a batch."""

SEEN_FROM = 3
"""How often a shape has to come before it is recorded: most lengths come once."""
KEPT = 8
"""Recordings at most; each holds memory on the device."""
WATCHED = 256
"""Shapes that are counted, or known not to pay, at once."""
TRIALS = 5
LONGEST_S = 0.05
"""A pass that takes longer keeps the device busy by itself, seconds; it is not tried."""
WORTH_IT = 1.1
"""How many times as fast a recording has to be."""
ALIKE = 0.02
"""How far probabilities may be from those of the plain pass: half precision rounds to less."""


@dataclass
class Recorded:
    """``run``, answered by recordings where that pays.

    Args:
        run: the plain pass.
        record: how a recording is made.
    """

    run: Pass
    record: Record
    _seen: Counter[torch.Size] = field(default_factory=Counter)
    _recordings: dict[torch.Size, Pass] = field(default_factory=dict)
    _tried: set[torch.Size] = field(default_factory=set)
    _broken: bool = False

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        shape = batch.shape
        if shape not in self._recordings and self._is_due(shape):
            self._tried.add(shape)
            recording = self._try_out(batch)
            if recording is not None:
                self._recordings[shape] = recording
        return self._recordings.get(shape, self.run)(batch)

    def _is_due(self, shape: torch.Size) -> bool:
        if self._broken or len(self._recordings) >= KEPT or shape in self._tried:
            return False
        if len(self._seen) >= WATCHED:
            self._seen.clear()
            self._tried.clear()
        self._seen[shape] += 1
        return self._seen[shape] >= SEEN_FROM

    def _try_out(self, batch: torch.Tensor) -> Pass | None:
        """A recording, if it hears the same and clearly faster."""
        begin = time.perf_counter()
        plain = self.run(batch).cpu()
        if time.perf_counter() - begin > LONGEST_S:
            return None
        try:
            recording = self.record(self.run, torch.zeros_like(batch))  # and not what is compared
            recorded = recording(batch).cpu()
            gain = self._gain(recording, batch)
        except RuntimeError as error:  # among them out of memory: the plain pass needs none more
            log.warning("passes cannot be recorded: %s", error)
            self._broken = True
            return None
        log.info("%s recorded: %.2f times as fast", tuple(batch.shape), gain)
        if not torch.allclose(recorded.exp(), plain.exp(), atol=ALIKE):
            log.warning("a recorded pass of %s differs from the plain one", tuple(batch.shape))
            return None
        return recording if gain > WORTH_IT else None

    def _gain(self, recording: Pass, batch: torch.Tensor) -> float:
        """How many times as fast ``recording`` is: both in turn, their medians."""
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(TRIALS):
            for way, seconds in zip((self.run, recording), taken, strict=True):
                begin = time.perf_counter()
                way(batch).cpu()  # waits for the device
                seconds.append(time.perf_counter() - begin)
        plain_s, recorded_s = map(statistics.median, taken)
        return plain_s / recorded_s


def cuda_recorder(device: torch.device) -> Record:
    """How CUDA records on ``device``.

    All recordings share one pool of memory, since none runs beside another and each answer is copied
    before the next pass.
    """
    with torch.cuda.device(device):
        pool = torch.cuda.MemPool()  # kept here, else it would end with its last recording

    def record(run: Pass, batch: torch.Tensor) -> Pass:
        with torch.cuda.device(device):
            before = torch.cuda.current_stream()
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            try:
                return _record(run, batch, pool, before, aside)
            except RuntimeError:
                torch.cuda.set_stream(before)  # a capture that fails to begin or end leaves it
                raise

    return record


def _record(
    run: Pass,
    batch: torch.Tensor,
    pool: torch.cuda.MemPool,
    before: torch.cuda.Stream,
    aside: torch.cuda.Stream,
) -> Pass:
    taken = batch.clone()  # a graph reads and writes where it was recorded
    aside.wait_stream(before)
    with torch.cuda.stream(aside):  # libraries choose and prepare their kernels before
        for _ in range(3):
            run(taken)
    before.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=cast(Any, pool.id), stream=aside):
        given = run(taken)

    def replay(batch: torch.Tensor) -> torch.Tensor:
        taken.copy_(batch)
        graph.replay()
        return given

    return replay

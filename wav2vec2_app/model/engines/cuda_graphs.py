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
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

log = logging.getLogger(__name__)

Pass = Callable[[torch.Tensor], torch.Tensor]
"""A batch on the device to its scores there. A recorded pass may write over what it gave before."""

Record = Callable[[Pass, torch.Tensor], Pass]
"""Records a pass for the shape of a batch."""

SEEN_FROM = 3
"""How often a shape has to come before it is recorded: most lengths come once."""
KEPT = 8
"""Shapes with a decision at once, the least recently used goes first; each holds memory on the device."""
WATCHED = 256
"""Shapes that are counted at once."""
TRIALS = 5
LONGEST_S = 0.1
"""A pass that takes longer keeps the device busy by itself, seconds; it is not tried."""
WORTH_IT = 1.1
"""How many times as fast a recording has to be."""
ALIKE = 0.02
"""How far log-probabilities may be from those of the plain pass: more than half precision rounds."""


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
    _chosen: OrderedDict[torch.Size, Pass] = field(default_factory=OrderedDict)
    _broken: bool = False

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        shape = batch.shape
        if shape not in self._chosen:
            if not self._is_due(shape):
                return self.run(batch)
            self._chosen[shape] = self._choose(batch)
            while len(self._chosen) > KEPT:
                self._chosen.popitem(last=False)
        self._chosen.move_to_end(shape)
        return self._chosen[shape](batch)

    def _is_due(self, shape: torch.Size) -> bool:
        if self._broken:
            return False
        if len(self._seen) >= WATCHED:
            self._seen.clear()
        self._seen[shape] += 1
        return self._seen[shape] >= SEEN_FROM

    def _choose(self, batch: torch.Tensor) -> Pass:
        """The recording, if it hears the same and clearly faster."""
        try:
            begin = time.perf_counter()
            plain = self.run(batch).cpu()
            if time.perf_counter() - begin > LONGEST_S:
                return self.run
            recording = self.record(self.run, batch)
            if not torch.allclose(recording(batch).cpu(), plain, atol=ALIKE):
                log.warning("a recorded pass of %s differs from the plain one", tuple(batch.shape))
                return self.run
            gain = self._gain(recording, batch)
        except RuntimeError as error:  # among them out of memory: the plain pass needs none more
            log.warning("passes cannot be recorded: %s", error)
            self._broken = True
            return self.run
        log.info("%s recorded: %.2f times as fast", tuple(batch.shape), gain)
        return recording if gain > WORTH_IT else self.run

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


def cuda_recorder() -> Record:
    """How CUDA records; all recordings share one pool of memory, since none runs beside another."""
    pool = torch.cuda.graph_pool_handle()

    def record(run: Pass, batch: torch.Tensor) -> Pass:
        taken = batch.clone()  # a graph reads and writes where it was recorded
        aside = torch.cuda.Stream(batch.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(batch.device))
        with torch.cuda.stream(aside):  # libraries choose and prepare their kernels before
            for _ in range(3):
                run(taken)
        torch.cuda.current_stream(batch.device).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            given = run(taken)

        def replay(batch: torch.Tensor) -> torch.Tensor:
            taken.copy_(batch)
            graph.replay()
            return given

        return replay

    return record

"""Forward passes captured as CUDA graphs, for frequent shapes.

A short batch keeps a fast GPU busy for less time than Python needs to launch its few hundred kernels one
by one. A graph launches all of them in one call (CUDA C++ Programming Guide, "CUDA Graphs"), but is valid for
one shape only. Windows of long recordings have few lengths, so a frequent shape is captured; a short
trial decides whether its graph is used from then on.
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

ForwardPass = Callable[[torch.Tensor], torch.Tensor]
"""From a batch on the device to log-probabilities there. A graph's output is overwritten by its next run."""

Capture = Callable[[ForwardPass, torch.Tensor], ForwardPass]
"""Captures a forward pass as a graph for the shape of a batch."""

CAPTURE_AFTER = 3
"""How many batches of a shape must come before it is captured: most lengths come once."""
MAX_GRAPHS = 8
"""Graphs in use; each holds memory on the device."""
MAX_WATCHED_SHAPES = 256
"""Shapes that are counted, or known not to benefit."""
GRAPH_TRIALS = 5
"""Timed runs of each pass in a trial."""
MAX_CAPTURED_PASS_S = 0.05
"""Longer passes keep the device busy without a graph and are not captured, seconds."""
MIN_GRAPH_SPEEDUP = 1.1
"""Speed of a graph relative to the eager pass from which it is used."""
MAX_PROBABILITY_DIFFERENCE = 0.02
"""How far a graph's probabilities may differ from the eager pass; half precision rounds by less."""


@dataclass
class GraphedPass:
    """A forward pass that uses CUDA graphs for the shapes that benefit.

    Args:
        eager: the pass without graphs.
        capture: captures it as a graph.
        clock: monotonic, seconds.
    """

    eager: ForwardPass
    capture: Capture
    clock: Callable[[], float] = time.perf_counter
    _seen: Counter[torch.Size] = field(default_factory=Counter)
    _graphs: dict[torch.Size, ForwardPass] = field(default_factory=dict)
    _tried: set[torch.Size] = field(default_factory=set)
    _disabled: bool = False

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        shape = batch.shape
        if shape not in self._graphs and self._is_due(shape):
            self._tried.add(shape)
            graph = self._try_out(batch)
            if graph is not None:
                self._graphs[shape] = graph
        return self._graphs.get(shape, self.eager)(batch)

    def _is_due(self, shape: torch.Size) -> bool:
        """Count a batch of ``shape``; whether it is time to capture it."""
        if self._disabled or len(self._graphs) >= MAX_GRAPHS or shape in self._tried:
            return False
        if len(self._seen) >= MAX_WATCHED_SHAPES:
            self._seen.clear()
            self._tried.clear()
        self._seen[shape] += 1
        return self._seen[shape] >= CAPTURE_AFTER

    def _try_out(self, batch: torch.Tensor) -> ForwardPass | None:
        """A graph for the shape of ``batch``, if its output is the same and it is clearly faster."""
        expected, duration_s = self._timed(self.eager, batch)
        if duration_s > MAX_CAPTURED_PASS_S:
            return None
        try:
            graph = self.capture(self.eager, torch.zeros_like(batch))  # not the batch of the check
            output = graph(batch).cpu()
            speedup = self._speedup(graph, batch)
        except RuntimeError as error:  # includes out of memory
            log.warning("CUDA graphs are disabled: a pass cannot be captured: %s", error)
            self._disabled = True
            return None
        log.info("CUDA graph for %s: %.2f times as fast", tuple(batch.shape), speedup)
        if not torch.allclose(output.exp(), expected.exp(), atol=MAX_PROBABILITY_DIFFERENCE):
            log.warning("the CUDA graph for %s differs from the eager pass", tuple(batch.shape))
            return None
        return graph if speedup > MIN_GRAPH_SPEEDUP else None

    def _speedup(self, graph: ForwardPass, batch: torch.Tensor) -> float:
        """How many times as fast ``graph`` is: alternate runs, ratio of the medians."""
        eager_s, graph_s = [], []
        for _ in range(GRAPH_TRIALS):
            eager_s.append(self._timed(self.eager, batch)[1])
            graph_s.append(self._timed(graph, batch)[1])
        return statistics.median(eager_s) / statistics.median(graph_s)

    def _timed(self, run: ForwardPass, batch: torch.Tensor) -> tuple[torch.Tensor, float]:
        """The output on the CPU, which waits for the device, and the seconds it took."""
        begin = self.clock()
        output = run(batch).cpu()
        return output, self.clock() - begin


def cuda_capture(device: torch.device) -> Capture:
    """Captures graphs on ``device``.

    All graphs share one memory pool: they never run concurrently, and each output is copied before the
    next run.
    """
    with torch.cuda.device(device):
        pool = torch.cuda.MemPool()  # referenced here, else it would be freed with its last graph

    def capture(run: ForwardPass, batch: torch.Tensor) -> ForwardPass:
        with torch.cuda.device(device):
            current = torch.cuda.current_stream()
            try:
                return _captured(run, batch, pool, current)
            except RuntimeError:
                torch.cuda.set_stream(current)  # a capture that fails does not restore it
                raise

    return capture


def _captured(
    run: ForwardPass, batch: torch.Tensor, pool: torch.cuda.MemPool, current: torch.cuda.Stream
) -> ForwardPass:
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    graph_input = batch.clone()  # a graph reads and writes the addresses it was captured with
    stream.wait_stream(current)
    with torch.cuda.stream(stream):  # libraries choose and prepare their kernels before the capture
        for _ in range(3):
            run(graph_input)
    current.wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # thread_local: another thread may load a model meanwhile
    mode = "thread_local"
    with torch.cuda.graph(graph, pool=cast(Any, pool.id), stream=stream, capture_error_mode=mode):
        graph_output = run(graph_input)

    def replay(batch: torch.Tensor) -> torch.Tensor:
        graph_input.copy_(batch)
        graph.replay()
        return graph_output

    return replay

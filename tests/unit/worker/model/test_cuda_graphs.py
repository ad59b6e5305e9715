"""The choice between eager and graphed passes, with graphs that need no device; and one test with CUDA.

Time passes only where a pass says so: the clock is a counter that passes advance.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from wav2vec2_app.worker.model.engines import cuda_graphs
from wav2vec2_app.worker.model.engines.cuda_graphs import (
    CAPTURE_AFTER,
    MAX_CAPTURED_PASS_S,
    MAX_GRAPHS,
    MAX_WATCHED_SHAPES,
    MIN_GRAPH_SPEEDUP,
    ForwardPass,
    GraphedPass,
)
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.resolve import Checkpoint

BATCH = torch.arange(6.0).reshape(2, 3)
EAGER_S = 0.005
"""How long an eager pass takes by the fake clock."""


def scored(batch: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(batch, dim=-1)


@dataclass
class FakeDevice:
    """A device whose passes take a set time, by its own clock.

    Its graphs behave like CUDA's: each is for one shape and writes its output to one place.
    """

    eager_s: float = EAGER_S
    graph_s: float = 0.001
    output_error: float = 0.0
    ignores_input: bool = False
    capture_error: RuntimeError | None = None
    now_s: float = 0.0
    captured_shapes: list[torch.Size] = field(default_factory=list)
    replays: int = 0

    def clock(self) -> float:
        return self.now_s

    def eager(self, batch: torch.Tensor) -> torch.Tensor:
        self.now_s += self.eager_s
        return scored(batch)

    def capture(self, run: ForwardPass, batch: torch.Tensor) -> ForwardPass:
        self.captured_shapes.append(batch.shape)
        if self.capture_error:
            raise self.capture_error
        output = run(batch)

        def replay(batch: torch.Tensor) -> torch.Tensor:
            self.replays += 1
            self.now_s += self.graph_s
            if self.ignores_input:
                return output
            return output.copy_(scored(batch) + self.output_error)

        return replay

    def graphed_pass(self) -> GraphedPass:
        return GraphedPass(self.eager, self.capture, self.clock)


def run_often(passes: GraphedPass, batch: torch.Tensor = BATCH, times: int = CAPTURE_AFTER) -> None:
    for _ in range(times):
        assert torch.equal(passes(batch), scored(batch))


def uses_graph(passes: GraphedPass, device: FakeDevice) -> bool:
    before = device.replays
    run_often(passes, times=1)
    return device.replays > before


def test_frequent_shape_is_answered_by_its_graph() -> None:
    device = FakeDevice()
    passes = device.graphed_pass()

    run_often(passes, times=CAPTURE_AFTER - 1)
    assert device.captured_shapes == []
    run_often(passes, times=1)
    assert device.captured_shapes == [BATCH.shape]
    assert uses_graph(passes, device)
    other = BATCH.flip(-1)
    assert torch.equal(passes(other), scored(other))  # the output of this batch, not an earlier one
    assert device.captured_shapes == [BATCH.shape]


def test_each_shape_has_its_own_graph() -> None:
    device = FakeDevice()
    passes = device.graphed_pass()

    run_often(passes)
    run_often(passes, BATCH[:1])

    assert device.captured_shapes == [BATCH.shape, BATCH[:1].shape]


@pytest.mark.parametrize(
    ("graph_s", "used"),
    [
        (2 * EAGER_S, False),
        (EAGER_S, False),
        (1.01 * EAGER_S / MIN_GRAPH_SPEEDUP, False),
        (0.99 * EAGER_S / MIN_GRAPH_SPEEDUP, True),
    ],
    ids=["slower", "equal", "hardly faster", "clearly faster"],
)
def test_graph_is_used_only_if_it_is_clearly_faster(graph_s: float, used: bool) -> None:
    device = FakeDevice(graph_s=graph_s)
    passes = device.graphed_pass()

    run_often(passes)

    assert device.replays > 0
    assert uses_graph(passes, device) is used


@pytest.mark.parametrize(
    "device",
    [FakeDevice(output_error=0.1), FakeDevice(ignores_input=True)],
    ids=["inexact", "ignores its input"],
)
def test_graph_with_another_output_is_not_used(
    device: FakeDevice, caplog: pytest.LogCaptureFixture
) -> None:
    passes = device.graphed_pass()

    with caplog.at_level(logging.WARNING):
        run_often(passes)

    assert not uses_graph(passes, device)
    assert "differs" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("cannot"), torch.OutOfMemoryError("too much")])
def test_failed_capture_disables_graphs(error: RuntimeError) -> None:
    device = FakeDevice(capture_error=error)
    passes = device.graphed_pass()

    run_often(passes)
    run_often(passes, BATCH[:1])

    assert device.captured_shapes == [BATCH.shape]


def test_long_pass_is_not_captured() -> None:
    device = FakeDevice(eager_s=2 * MAX_CAPTURED_PASS_S)
    passes = device.graphed_pass()

    run_often(passes, times=CAPTURE_AFTER + 1)

    assert device.captured_shapes == []


def test_graphs_are_bounded_and_no_shape_is_tried_twice() -> None:
    device = FakeDevice()
    passes = device.graphed_pass()
    widths = range(3, 3 + MAX_GRAPHS + 2)
    for _ in range(3):
        for width in widths:
            run_often(passes, torch.ones(1, width))

    assert device.captured_shapes == [torch.Size([1, width]) for width in widths[:MAX_GRAPHS]]


def test_graphs_that_are_not_used_do_not_count_towards_the_bound() -> None:
    device = FakeDevice(graph_s=2 * EAGER_S)
    passes = device.graphed_pass()
    for width in range(3, 3 + MAX_GRAPHS + 2):
        run_often(passes, torch.ones(1, width), times=CAPTURE_AFTER + 2)

    assert len(device.captured_shapes) == MAX_GRAPHS + 2
    assert not passes._graphs


def test_counts_of_rare_shapes_are_bounded() -> None:
    passes = FakeDevice().graphed_pass()
    for width in range(1, 3 * MAX_WATCHED_SHAPES):
        passes(torch.ones(1, width))

    assert len(passes._seen) <= MAX_WATCHED_SHAPES
    assert not passes._graphs


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_graphs_have_the_output_of_the_cpu(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "MIN_GRAPH_SPEEDUP", 0.0)  # use them even if not faster
    monkeypatch.setattr(cuda_graphs, "MAX_CAPTURED_PASS_S", float("inf"))
    engine, on_cpu = TorchEngine(device="cuda", precision="fp32"), TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    on_cpu.load(tiny_checkpoint)
    rng = np.random.default_rng(0)
    shapes = ((1, 16_000), (2, 16_000), (1, 32_000))

    for _ in range(2 * CAPTURE_AFTER):
        for shape in shapes:
            batch = rng.standard_normal(shape).astype(np.float32)
            np.testing.assert_allclose(engine.forward(batch), on_cpu.forward(batch), atol=1e-2)

    assert isinstance(engine._pass, GraphedPass)
    assert set(engine._pass._graphs) == set(map(torch.Size, shapes))
    assert (engine.describe().device, engine.describe().note) == ("cuda", "")

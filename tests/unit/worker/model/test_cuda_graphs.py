"""The choice between plain and recorded passes, with recordings that need no device; and one that does."""

import logging
import math
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from wav2vec2_app.worker.model.engines import cuda_graphs
from wav2vec2_app.worker.model.engines.cuda_graphs import KEPT, SEEN_FROM, WATCHED, Pass, Recorded
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.resolve import Checkpoint

BATCH = torch.arange(6.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def _no_pass_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(cuda_graphs, "LONGEST_S", math.inf)


@dataclass
class Tape:
    """Records as CUDA does: a recording is for one shape and writes its answer to one place."""

    takes_s: float = 0.0
    off_by: float = 0.0
    deaf: bool = False
    error: RuntimeError | None = None
    shapes: list[torch.Size] = field(default_factory=list)
    replayed: int = 0

    def __call__(self, run: Pass, batch: torch.Tensor) -> Pass:
        self.shapes.append(batch.shape)
        if self.error:
            raise self.error
        given = run(batch)

        def replay(batch: torch.Tensor) -> torch.Tensor:
            self.replayed += 1
            time.sleep(self.takes_s)
            return given if self.deaf else given.copy_(scored(batch) + self.off_by)

        return replay


def scored(batch: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(batch, dim=-1)


def launched_one_by_one(batch: torch.Tensor) -> torch.Tensor:
    time.sleep(0.005)
    return scored(batch)


def come_often(passes: Recorded, batch: torch.Tensor = BATCH, times: int = SEEN_FROM) -> None:
    for _ in range(times):
        assert torch.equal(passes(batch), scored(batch))


def answered_by_tape(passes: Recorded, tape: Tape) -> bool:
    before = tape.replayed
    come_often(passes, times=1)
    return tape.replayed > before


def test_a_shape_that_keeps_coming_is_answered_by_its_recording() -> None:
    tape = Tape()
    passes = Recorded(launched_one_by_one, tape)

    come_often(passes, times=SEEN_FROM - 1)
    assert tape.shapes == []
    come_often(passes, times=1)
    assert tape.shapes == [BATCH.shape]
    assert answered_by_tape(passes, tape)
    other = BATCH.flip(-1)
    assert torch.equal(passes(other), scored(other))  # what comes is heard, not what came
    assert tape.shapes == [BATCH.shape]


def test_each_shape_has_a_recording_of_its_own() -> None:
    tape = Tape()
    passes = Recorded(launched_one_by_one, tape)

    come_often(passes)
    come_often(passes, BATCH[:1])

    assert tape.shapes == [BATCH.shape, BATCH[:1].shape]


def test_a_recording_that_is_no_faster_is_left_alone() -> None:
    tape = Tape(takes_s=0.01)
    passes = Recorded(launched_one_by_one, tape)

    come_often(passes)

    assert tape.replayed > 0
    assert not answered_by_tape(passes, tape)


@pytest.mark.parametrize("tape", [Tape(off_by=0.1), Tape(deaf=True)], ids=["off", "deaf"])
def test_a_recording_that_hears_something_else_is_left_alone(
    tape: Tape, caplog: pytest.LogCaptureFixture
) -> None:
    passes = Recorded(launched_one_by_one, tape)

    with caplog.at_level(logging.WARNING):
        come_often(passes)

    assert not answered_by_tape(passes, tape)
    assert "differs" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("cannot"), torch.OutOfMemoryError("too much")])
def test_where_nothing_can_be_recorded_the_plain_pass_answers_and_nothing_more_is_tried(
    error: RuntimeError,
) -> None:
    tape = Tape(error=error)
    passes = Recorded(launched_one_by_one, tape)

    come_often(passes)
    come_often(passes, BATCH[:1])

    assert tape.shapes == [BATCH.shape]


def test_a_pass_that_keeps_the_device_busy_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graphs, "LONGEST_S", 0.001)
    tape = Tape()
    passes = Recorded(launched_one_by_one, tape)

    come_often(passes, times=SEEN_FROM + 1)

    assert tape.shapes == []


def test_recordings_are_bounded_and_no_shape_is_tried_twice() -> None:
    tape = Tape()
    passes = Recorded(launched_one_by_one, tape)
    widths = range(3, 3 + KEPT + 2)
    for _ in range(3):
        for width in widths:
            come_often(passes, torch.ones(1, width))

    assert tape.shapes == [torch.Size([1, width]) for width in widths[:KEPT]]


def test_what_did_not_pay_leaves_room_for_others() -> None:
    slow = Tape(takes_s=0.01)
    passes = Recorded(launched_one_by_one, slow)
    for width in range(3, 3 + KEPT + 2):
        come_often(passes, torch.ones(1, width), times=SEEN_FROM + 2)

    assert len(slow.shapes) == KEPT + 2
    assert not passes._recordings


def test_lengths_that_come_once_are_forgotten() -> None:
    passes = Recorded(scored, Tape())
    for width in range(1, 3 * WATCHED):
        passes(torch.ones(1, width))

    assert len(passes._seen) <= WATCHED
    assert not passes._recordings


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_hears_the_same_through_recordings(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "WORTH_IT", 0.0)  # also where they are no faster
    engine, plain = TorchEngine(device="cuda", precision="fp32"), TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    plain.load(tiny_checkpoint)
    rng = np.random.default_rng(0)
    shapes = ((1, 16_000), (2, 16_000), (1, 32_000))

    for _ in range(2 * SEEN_FROM):
        for shape in shapes:
            batch = rng.standard_normal(shape).astype(np.float32)
            np.testing.assert_allclose(engine.forward(batch), plain.forward(batch), atol=1e-2)

    assert isinstance(engine._pass, Recorded)
    assert set(engine._pass._recordings) == set(map(torch.Size, shapes))
    assert (engine.describe().device, engine.describe().note) == ("cuda", "")

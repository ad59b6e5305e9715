"""A job gives each operation time in proportion to the audio."""

from __future__ import annotations

from typing import Any

from tests.doubles import FakeAdapter, make_probe, make_task
from wav2vec2_app.server.orchestrator.cache import ResultCache
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.events import EventStream, Sinks
from wav2vec2_app.server.orchestrator.job import Job, JobContext, Limits
from wav2vec2_app.server.orchestrator.pace import Pace
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.queue import WaitQueue
from wav2vec2_app.server.orchestrator.synthesis import ResultSynthesizer
from wav2vec2_app.server.tasks import ModelTask, Operation, TaskResult


class NotingDispatcher(Dispatcher):
    """Notes the limit of every operation."""

    def __init__(self, adapter: FakeAdapter) -> None:
        super().__init__([adapter], breaker_failures=1, breaker_recovery_s=1.0)
        self.limits_s: dict[Operation, float] = {}

    async def run(self, node: ModelTask, *, limit_s: float, **rest: Any) -> TaskResult:
        self.limits_s[node.operation] = limit_s
        return await super().run(node, limit_s=limit_s, **rest)


async def test_limits_follow_the_probe_and_then_the_decoded_audio() -> None:
    adapter = FakeAdapter(duration_s=5.0)
    adapter.answer(Operation.PROBE, make_probe(1.0))  # the header promises too little
    dispatcher = NotingDispatcher(adapter)
    shop = JobContext(
        WaitQueue(queue_size=1, concurrency=1, pace=Pace()),
        WaitQueue(queue_size=1, concurrency=1, pace=Pace()),
        dispatcher,
        ParallelExecutionManager(concurrency=1),
        ResultSynthesizer(),
        Limits(operation_s=30.0, per_audio_s=2.0),
        ResultCache(limit_bytes=0, cache_s=1.0),
    )
    task = make_task()

    await Job(task, EventStream(task, Sinks().publish, lambda: 0.0), shop).live()

    assert dispatcher.limits_s == {
        Operation.PROBE: 30.0,
        Operation.DECODE_AUDIO: 32.0,
        Operation.TRANSCRIBE: 40.0,
    }

"""``python -m benchmarks.dispatch``: what queue, graph and dispatch add to a task whose model takes no time.

The system's orchestrator runs with an adapter that answers immediately, so everything measured is its own
work. The manager alone runs graphs of tasks that do nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.parallel_tasks import ParallelConfig, ParallelTask
from wav2vec2_app.server.results import Report, StepValue, TaskResult, ignore_progress
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import AudioTask, ModelTask
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioProbe, AudioSource
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Recognition, Transcript

ROUNDS = 300
GRAPHS = 15
TASKS = 200
MODEL = ModelInfo("instant", "folder", "torch", "cpu", "fp32", 0, 0)
SAMPLES = np.zeros(SAMPLE_RATE_HZ, np.float32)
VALUES: Mapping[Operation, StepValue] = {
    Operation.PROBE: AudioProbe(1.0, True, SAMPLE_RATE_HZ, 1, "wav/pcm_s16le", 32044),
    Operation.DECODE_AUDIO: Audio(SAMPLES, SAMPLE_RATE_HZ, 1, "wav/pcm_s16le"),
    Operation.TRANSCRIBE: Recognition(Transcript("", (), 0.0, 1.0, MODEL)),
}


class InstantAdapter:
    """Answers every operation immediately."""

    name = "instant"

    async def initialize(self) -> None:
        """Nothing to start."""

    async def dispose(self) -> None:
        """Nothing to release."""

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        return TaskResult(task.operation, VALUES[task.operation])

    def time_limit_s(self, task: ModelTask) -> float:
        return 60.0

    def answering_model(self, model: str) -> str:
        return MODEL.name

    def get_capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(self.name, frozenset(VALUES), 600.0, 10**8, (), ())

    def get_status(self) -> AdapterStatus:
        return AdapterStatus(self.name, ready=True, model=MODEL)


async def requests() -> list[float]:
    """Seconds of each of many tasks, one after another."""
    orchestrator = ModelOrchestrator([InstantAdapter()])
    await orchestrator.start()
    spent = []
    try:
        for number in range(ROUNDS + 20):
            task = AudioTask(AudioSource(data=b"RIFF%d" % number, name="clip.wav"))
            begin = time.perf_counter()
            await orchestrator.run(task)
            spent.append(time.perf_counter() - begin)
    finally:
        await orchestrator.stop()
    return spent[20:]


async def graphs() -> list[float]:
    """Seconds for each task of random graphs."""
    spent = []
    for seed in range(GRAPHS):
        draw = random.Random(seed)
        needs = {
            number: draw.sample(range(number), min(number, draw.randint(0, 3)))
            for number in range(TASKS)
        }
        manager = ParallelExecutionManager(ParallelConfig(max_concurrent=8))
        begin = time.perf_counter()
        result = await manager.execute_parallel(
            [ParallelTask(number, _nothing) for number in needs], needs
        )
        spent.append((time.perf_counter() - begin) / TASKS)
        assert len(result.values) == TASKS
    return spent


async def _nothing(_: Mapping[int, int]) -> int:
    return 0


async def measure() -> Sequence[Figure]:
    return (
        median_ms(
            "a task of three steps without any work: queue, graph, dispatch", await requests()
        ),
        median_ms("the execution manager, for each task of a graph of 200", await graphs(), 1),
    )


if __name__ == "__main__":
    show("dispatch", asyncio.run(measure()))

"""The service where no worker runs: states and the translation of stages."""

from __future__ import annotations

import numpy as np
import pytest

from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.bridge.process import Answer
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.service.frames import stages as stages_of
from wav2vec2_app.server.service.wav2vec2 import ServiceState
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import Audio

AUDIO = Audio(np.zeros(1600, np.float32), 16_000, 1, "wav/pcm_s16le")


async def test_process_before_initialize_is_a_clear_error() -> None:
    service = build_system(Settings(fetch_models=False)).service

    with pytest.raises(InternalError) as refused:
        await service.process(AUDIO)

    assert refused.value.code == "service.state"
    assert "initialize" in refused.value.hint


async def test_dispose_without_initialize_is_final_and_can_be_repeated() -> None:
    service = build_system(Settings(fetch_models=False)).service

    await service.dispose()
    await service.dispose()

    assert service.state is ServiceState.DISPOSED
    with pytest.raises(InternalError):
        await service.initialize()


def test_status_before_the_start_names_no_model_and_measures_the_page() -> None:
    status = build_system(Settings(fetch_models=False)).service.status("wav2vec2")

    assert not status.ready
    assert status.model is None
    assert status.memory is not None
    assert [process.name for process in status.memory.processes] == ["server"]
    assert status.memory.processes[0].rss_bytes > 10_000_000


def test_worker_stages_end_when_the_answer_came() -> None:
    told = [
        {"name": "forward", "start_s": 0.0, "duration_s": 0.3},
        {"name": "decode text", "start_s": 0.3, "duration_s": 0.1},
    ]

    stages = stages_of(Answer({"stages": told}, {}), "inference", elapsed_s=1.0)

    assert [stage.name for stage in stages] == ["wait", "forward", "decode text"]
    assert (stages[0].start_s, stages[0].duration_s) == pytest.approx((0.0, 0.6))
    assert stages[1].start_s == pytest.approx(0.6)
    assert stages[2].start_s + stages[2].duration_s == pytest.approx(1.0)
    assert {stage.process for stage in stages} == {"inference"}


def test_the_way_to_an_idle_worker_is_no_waiting() -> None:
    told = [{"name": "forward", "start_s": 0.0, "duration_s": 0.3}]

    stages = stages_of(Answer({"stages": told}, {}), "inference", elapsed_s=0.303)

    assert [stage.name for stage in stages] == ["forward"]

"""The service without running workers: its states and limits."""

from __future__ import annotations

import numpy as np
import pytest

from tests.doubles import make_features
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.operations import Operation
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


async def test_too_long_to_draw_is_refused_before_a_worker_is_used() -> None:
    service = build_system(Settings(fetch_models=False, features_s=0.05)).service
    service.state = ServiceState.READY

    with pytest.raises(InputError) as refused:
        await service.analyze(AUDIO)
    with pytest.raises(InputError) as not_measured:
        await service.measure(AUDIO, make_features(0.1))

    assert refused.value.code == not_measured.value.code == "features.too_long"


def test_time_limit_of_a_step_depends_on_its_audio_and_model() -> None:
    service = build_system(
        Settings(
            fetch_models=False,
            operation_timeout_s=30,
            timeout_per_audio_s=2,
            model_load_timeout_s=120,
        )
    ).service

    assert service.time_limit_s(Operation.PROBE, 0.0) == 30
    assert service.time_limit_s(Operation.TRANSCRIBE, 10.0) == 50
    assert service.time_limit_s(Operation.TRANSCRIBE, 10.0, "another") == 170
    assert service.time_limit_s(Operation.DECODE_TEXT, 10.0, "another") == 50

"""The speakers role in a real worker below the real application, with the weights of resemblyzer."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import soundfile
import soxr

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import System
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, Float32

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        importlib.util.find_spec("resemblyzer") is None
        or importlib.util.find_spec("scipy") is None,
        reason="the extra `speakers` is not installed",
    ),
]

CLIPS = ("garden", "train", "garden", "train")
"""Examples of two voices."""


def clip(name: str) -> Float32:
    samples, rate_hz = soundfile.read(assets_path() / "examples" / f"{name}.flac", dtype="float32")
    return soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)


def conversation() -> tuple[Audio, list[tuple[float, float]]]:
    """Two voices in turns, and when each speaks."""
    parts, turns, at_s = [], [], 0.0
    for name in CLIPS:
        parts.append(clip(name))
        turns.append((at_s, at_s + len(parts[-1]) / SAMPLE_RATE_HZ))
        at_s = turns[-1][1]
    return Audio(np.concatenate(parts), SAMPLE_RATE_HZ, 1, "flac"), turns


@pytest.mark.slow
async def test_words_get_the_voice_that_says_them_from_a_worker_of_its_own(system: System) -> None:
    audio, turns = conversation()
    before = [
        worker.role for one in system.orchestrator.status().adapters for worker in one.workers
    ]

    wants = frozenset({Want.TRANSCRIPT, Want.SPEAKERS})
    result = await system.orchestrator.run(AudioTask(audio=audio, wants=wants))

    assert result.problems == ()
    assert result.transcript is not None
    names = [
        {
            word.speaker
            for word in result.transcript.words
            if start_s < (word.start_s + word.end_s) / 2 < end_s
        }
        for start_s, end_s in turns
    ]
    assert names == [{"Speaker 1"}, {"Speaker 2"}, {"Speaker 1"}, {"Speaker 2"}]
    assert result.transcript.text.count("\n") == 3
    after = [worker.role for one in system.orchestrator.status().adapters for worker in one.workers]
    assert (before.count("speakers"), after.count("speakers")) == (0, 1)
    memory = system.orchestrator.status().adapters[0].memory
    assert memory is not None
    assert "speakers" in {process.name for process in memory.processes}


@pytest.mark.slow
async def test_silence_and_a_word_need_no_special_care(system: System) -> None:
    wants = frozenset({Want.TRANSCRIPT, Want.SPEAKERS})
    silence = Audio(np.zeros(SAMPLE_RATE_HZ, np.float32), SAMPLE_RATE_HZ, 1, "flac")
    short = Audio(clip("word")[: round(0.8 * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ, 1, "flac")

    silent = await system.orchestrator.run(AudioTask(audio=silence, wants=wants))
    said = await system.orchestrator.run(AudioTask(audio=short, wants=wants))

    assert silent.problems == said.problems == ()
    assert silent.transcript is not None
    assert silent.transcript.words == ()
    assert said.transcript is not None
    assert {word.speaker for word in said.transcript.words} <= {"Speaker 1"}

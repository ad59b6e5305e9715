"""Inputs in quarantine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.doubles import make_emission
from wav2vec2_app.protocol.audio import AnalyzeRequest, DecodeAudioRequest, ProbeRequest
from wav2vec2_app.protocol.inference import EmitRequest
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.text import AlignRequest
from wav2vec2_app.server.bridge.quarantine import MAX_INPUTS, QUARANTINE_S, Quarantine
from wav2vec2_app.speech.audio import AudioSource

SAMPLES = np.ones(160, np.float32)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def file(folder: Path, name: str, data: bytes) -> AudioSource:
    path = folder / name
    path.write_bytes(data)
    return AudioSource(path=path, name=name)


async def test_file_is_recognized_under_another_name_and_by_every_operation(
    tmp_path: Path,
) -> None:
    quarantine = Quarantine()
    await quarantine.add(DecodeAudioRequest(file(tmp_path, "a.wav", b"bad"), tmp_path / "spool-1"))
    for same in (
        DecodeAudioRequest(file(tmp_path, "b.mp3", b"bad"), tmp_path / "spool-2"),
        DecodeAudioRequest(AudioSource(data=b"bad", name="c")),
        ProbeRequest(AudioSource(data=b"bad")),
    ):
        assert await quarantine.remaining_s(same) > 0.0
    other = file(tmp_path, "d.wav", b"bed")
    assert await quarantine.remaining_s(DecodeAudioRequest(other)) == 0.0


@pytest.mark.parametrize(
    ("request_", "same", "other"),
    [
        (
            EmitRequest("m", SAMPLES),
            EmitRequest("m", SAMPLES.copy(), batch=8),
            EmitRequest("m", -SAMPLES),
        ),
        (AnalyzeRequest(SAMPLES), AnalyzeRequest(SAMPLES.copy()), AnalyzeRequest(2 * SAMPLES)),
        (
            AlignRequest(make_emission(), "one"),
            AlignRequest(make_emission(), "one"),
            AlignRequest(make_emission(), "two"),
        ),
    ],
)
async def test_requests_are_compared_by_content(
    request_: AnyRequest, same: AnyRequest, other: AnyRequest
) -> None:
    quarantine = Quarantine()
    await quarantine.add(request_)
    assert await quarantine.remaining_s(same) > 0.0
    assert await quarantine.remaining_s(other) == 0.0


async def test_input_is_released_after_a_while() -> None:
    clock = Clock()
    quarantine = Quarantine(clock)
    await quarantine.add(AnalyzeRequest(SAMPLES))
    clock.now += QUARANTINE_S - 1.0
    assert await quarantine.remaining_s(AnalyzeRequest(SAMPLES)) == pytest.approx(1.0)
    clock.now += 2.0
    assert await quarantine.remaining_s(AnalyzeRequest(SAMPLES)) == 0.0


async def test_number_of_inputs_is_bounded() -> None:
    quarantine = Quarantine()
    for number in range(MAX_INPUTS + 1):
        await quarantine.add(AnalyzeRequest(SAMPLES * number))
    assert await quarantine.remaining_s(AnalyzeRequest(SAMPLES * 0)) == 0.0
    assert await quarantine.remaining_s(AnalyzeRequest(SAMPLES)) > 0.0


async def test_file_that_is_gone_is_no_error(tmp_path: Path) -> None:
    quarantine = Quarantine()
    await quarantine.add(ProbeRequest(AudioSource(path=tmp_path / "gone")))
    assert await quarantine.remaining_s(ProbeRequest(AudioSource(path=tmp_path / "missing"))) >= 0.0

"""Record the frames of requests, and replay them to a fresh worker."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.examples import clips
from tests.integration import toy_messages as toy
from tests.integration.toy import Make, Started, ask
from wav2vec2_app.cli import app
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.bridge.recorder import FrameRecorder, read_recordings, read_spec
from wav2vec2_app.server.bridge.replay import Replayed, replay

pytestmark = pytest.mark.integration


async def replayed(folder: Path) -> list[Replayed]:
    async with aclosing(replay(folder, toy.REQUESTS)) as outcomes:
        return [outcome async for outcome in outcomes]


async def test_recorded_requests_are_replayed_with_the_same_outcome(
    make: Make, tmp_path: Path
) -> None:
    bridge = make(recorder=FrameRecorder(tmp_path))
    await bridge.start()
    samples = np.array([1.0, np.nan], np.float32)
    await ask(bridge, toy.Count(2), on_progress=Started(), request_id="r-1")
    with pytest.raises(InputError):
        await ask(bridge, toy.Refuse(), request_id="r-1")
    answer = await ask(bridge, toy.Echo(7, samples), request_id="r-1")
    await ask(bridge, toy.Echo(8), request_id="r-2")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["r-1", "r-2"]
    kinds = [[frame.kind for frame in frames] for _, frames in read_recordings(tmp_path / "r-1")]
    assert kinds == [["request", "begun", "progress", "progress", "result"],
                     ["request", "begun", "error"], ["request", "begun", "result"]]  # fmt: skip
    count, refuse, echo = await replayed(tmp_path / "r-1")
    assert (count.op, count.recorded, count.outcome) == ("count", "result", "result")
    assert not count.same  # it reports the process id
    assert (refuse.op, refuse.recorded, refuse.outcome) == ("refuse",) + ("audio.too_long",) * 2
    assert refuse.same
    assert (echo.role, echo.op, echo.outcome) == ("toy", "echo", "result")
    assert answer.samples is not None


async def test_request_without_an_end_is_replayed(make: Make, tmp_path: Path) -> None:
    bridge = make(recorder=FrameRecorder(tmp_path))
    await bridge.start()
    await ask(bridge, toy.Log("hello\n"), request_id="r")
    [recording] = (tmp_path / "r").glob("*.frames")
    [(_, frames)] = read_recordings(tmp_path / "r")
    lone = FrameRecorder(tmp_path / "lone")
    lone.begin(read_spec(tmp_path / "r", "toy"), frames[0])

    [complete] = await replayed(tmp_path / "r")
    [endless] = await replayed(tmp_path / "lone" / "r")

    assert (complete.recorded, complete.outcome, complete.same) == ("result", "result", True)
    assert (endless.recorded, endless.outcome, endless.same) == ("", "result", False)
    assert recording.stat().st_size > 0


async def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        await replayed(tmp_path)

    assert refused.value.code == "replay.nothing_recorded"


async def test_folder_that_cannot_be_written_does_not_fail_requests(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    bridge = make(recorder=FrameRecorder(blocked))
    await bridge.start()

    assert (await ask(bridge, toy.Echo(1))).number == 1
    assert "cannot be recorded" in caplog.text


def test_recording_says_how_the_worker_was_started(tmp_path: Path) -> None:
    facts = {"role": "toy", "argv": ["python", "toy.py"], "env": {"A": "b"}}
    (tmp_path / "toy.worker.json").write_text(json.dumps(facts))

    spec = read_spec(tmp_path, "toy")

    assert (spec.role, spec.argv, spec.env) == ("toy", ("python", "toy.py"), {"A": "b"})


@pytest.mark.slow
def test_transcription_recorded_from_the_command_line_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAV2VEC2_RECORD_FOLDER", str(tmp_path))
    monkeypatch.setenv("WAV2VEC2_MODEL", "embedded")
    runner = CliRunner()
    recorded = runner.invoke(app, ["transcribe", str(clips()[0].path)])
    assert recorded.exit_code == 0, recorded.output
    [folder] = tmp_path.iterdir()

    replayed = runner.invoke(app, ["debug", "replay", str(folder)])

    assert replayed.exit_code == 0, replayed.output
    lines = replayed.stdout.splitlines()
    operations = [line.split(":")[0] for line in lines]
    assert operations == ["audio probe", "audio decode_audio", "inference emit", "text decode_text"]
    assert all(line.endswith("as recorded") for line in lines)


def test_folder_without_recordings_is_an_error_of_the_command(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["debug", "replay", str(tmp_path)])

    assert refused.exit_code == 2
    assert "replay.nothing_recorded" in refused.stderr

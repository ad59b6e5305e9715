"""The process that decodes untrusted files, as the application starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.examples import clips
from tests.inflating import large_header, many_packets
from wav2vec2_app.errors import ResourceError
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.build import System
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource, DecodeAudioOptions

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="the filter is for Linux"),
]

CONFINED = """
import json, sys
import wav2vec2_app.worker.operations.audio, wav2vec2_app.worker.audio.joined  # as the worker does
from wav2vec2_app.worker.sandbox import Limits, confine, limit_operation
print(json.dumps(confine(Limits(memory_bytes=200 << 20, file_bytes={file_bytes}, open_files=40))))
limit_operation({cpu_s})
{code}
"""


def confined(code: str, cpu_s: int = 0, file_bytes: int = 1 << 20) -> tuple[int, str]:
    """Exit code and last line of stderr of a confined process that runs ``code``."""

    done = subprocess.run(
        [sys.executable, "-c", CONFINED.format(code=code, cpu_s=cpu_s, file_bytes=file_bytes)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if json.loads(done.stdout.splitlines()[0]):
        pytest.skip(f"not on this system: {done.stdout}")
    return done.returncode, (done.stderr.splitlines() or [""])[-1]


TRIALS = {
    "import socket; socket.socket()": "PermissionError",
    "import socket; socket.socketpair()": "",
    "import socket; socket.socket(socket.AF_UNIX)": "PermissionError",
    "import subprocess; subprocess.run(['/bin/true'])": "PermissionError",
    "import os; os.execv('/bin/true', ['true'])": "PermissionError",
    "import os; os.fork()": "PermissionError",
    "import os; os.posix_spawn('/bin/true', ['true'], {})": "PermissionError",
    "import tempfile; tempfile.TemporaryFile().write(bytes(2 << 20))": "OSError",
    "a = [open('/dev/null') for _ in range(50)]": "OSError",
    "bytearray(500 << 20)": "MemoryError",
    "bytearray(50 << 20)": "",
    "import threading; t = threading.Thread(target=int); t.start(); t.join()": "",
}
"""What a confined process tries, and the exception that it gets."""

TRY_ALL = """
found = {{}}
for trial in {trials!r}:
    found[trial] = ""
    try:
        exec(trial)
    except Exception as error:
        found[trial] = type(error).__name__
    a = None
sys.exit(json.dumps(found))
"""


def test_confined_process_may_only_compute() -> None:
    _, message = confined(TRY_ALL.format(trials=list(TRIALS)))
    assert json.loads(message) == TRIALS


def test_confined_process_that_computes_too_long_is_ended() -> None:
    returned, _ = confined("while True: pass", cpu_s=1)
    assert returned < 0


async def test_audio_worker_gets_no_secret_and_runs_in_an_empty_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "WAV2VEC2_API_KEYS", "X"):
        monkeypatch.setenv(name, "secret-value")
    code = (
        "import os, pathlib, sys; "
        "sys.stderr.write(f'{sorted(os.environ.values())} {os.getcwd()} {os.listdir()}'); "
        "from tests.integration.toy_worker import main; sys.exit(main())"
    )
    root = str(Path(__file__).parents[2])
    spec = WorkerSpec("toy", (sys.executable, "-c", code), {"PYTHONPATH": root}, isolated=True)
    assert "secret-value" not in spec.environment().values()
    assert spec.environment()["PYTHONPATH"] == root
    bridge = WorkerBridge(spec)
    await bridge.start()
    await bridge.wait_ready()
    child = bridge._supervisor.child
    assert child is not None
    folder = Path(f"/proc/{child.pid}/cwd").readlink()
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert folder != Path.cwd()
    assert list(folder.iterdir()) == []
    assert b"secret-value" not in environment
    await bridge.stop()
    assert not folder.exists()


async def test_application_confines_its_audio_worker_and_still_reads_files(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    [worker] = [w for w in system.service.status("").workers if w.role == "audio"]
    facts = Path(f"/proc/{worker.pid}/status").read_text()
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    assert "NoNewPrivs:\t1" in facts
    [space] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert space.split()[3] != "unlimited"
    clip = clips()[0]
    monkeypatch.chdir(clip.path.parent)
    result = await system.orchestrator.run(AudioTask(AudioSource(path=Path(clip.path.name))))
    assert result.transcript is not None
    assert result.transcript.text


DECODE = """
from pathlib import Path
from wav2vec2_app.speech.audio import AudioSource, DecodeAudioOptions
from wav2vec2_app.worker.audio import decode, joined
source, spool = AudioSource(path=Path({path!r})), Path({path!r} + ".f32")
found = decode.decode(source, max_duration_s=1e4, max_bytes=1 << 30, spool=spool,
                      options=DecodeAudioOptions(channels={channels!r}))
joined.one_after_the_other(found.recordings, spool, lambda: None)
"""


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("channels", ["separate", "mix"])
@pytest.mark.parametrize("gain", [2.0, 0.5])
def test_long_recording_is_decoded_in_less_memory_than_its_samples_take(
    tmp_path: Path, channels: str, gain: float
) -> None:
    minute = np.full((8_000 * 60, 8), gain, np.float32)
    path = tmp_path / "call.wav"
    with soundfile.SoundFile(path, "w", 8_000, 8, "PCM_16" if gain < 1 else "FLOAT") as file:
        for _ in range(8):
            file.write(minute)
    returned, message = confined(
        DECODE.format(path=str(path), channels=channels), file_bytes=1 << 30
    )
    assert returned == 0, message
    parts = 1 if channels == "mix" else 9
    spooled = np.memmap(f"{path}.f32", np.float32, mode="r")
    assert len(spooled) == parts * 480 * 16_000
    assert min(gain, 0.98) <= float(spooled.max()) <= 1.0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["call.wav", "call.wav.f32"]


@pytest.mark.matrix
@pytest.mark.parametrize(
    "data",
    [
        many_packets(50_000_000), many_packets(0x7FFF_FFFF),
        large_header(1 << 30), large_header(0xF000_0000),
    ],
    ids=["packets", "most packets", "header", "largest header"],
)  # fmt: skip
async def test_file_that_inflates_is_refused_and_its_worker_goes_on(
    system: System, tmp_path: Path, data: bytes
) -> None:
    def pids() -> list[int | None]:
        workers = system.service.status("").workers
        return [worker.pid for worker in workers if worker.role == "audio"]

    path = tmp_path / "small.mp4"
    path.write_bytes(data)
    before = pids()
    for channels in ("mix", "separate"):
        options = DecodeAudioOptions(channels=channels)
        with pytest.raises(ResourceError) as refused:
            await system.orchestrator.run(AudioTask(AudioSource(path=path), audio_options=options))
        assert refused.value.code == "audio.needs_memory"
        assert not refused.value.retryable
    result = await system.orchestrator.run(AudioTask(AudioSource(path=clips()[0].path)))
    assert result.transcript is not None
    assert pids() == before

"""Descriptions by a real ``gr.Interface`` with GAMA's signature, below real workers.

GAMA's weights are not here: the interface has its contract, not its answers.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import soundfile

from tests.gama_servers import (
    ANSWER,
    INFO,
    Demo,
    breaks_off,
    cutting_proxy,
    gives,
    gradio_demo,
    stub_server,
)
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.service.gama import GamaDemo
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

pytestmark = pytest.mark.integration

LONG = assets_path() / "examples" / "coffee.flac"
WAV = b"RIFF"


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    with gradio_demo() as running:
        yield running


async def ask(url: str, question: str, limit_s: float = 20.0) -> tuple[str, str]:
    demo = GamaDemo(url)
    try:
        return await demo.ask(WAV, question, limit_s)
    finally:
        await demo.close()


async def error_of(url: str, question: str = "") -> Wav2Vec2Error:
    with pytest.raises(Wav2Vec2Error) as raised:
        await ask(url, question)
    return raised.value


async def test_new_gradio_is_called_with_its_own_client(demo: Demo) -> None:
    assert await ask(demo.url, "Rain?") == (
        INFO,
        f"{ANSWER} You asked: Rain?",
    )
    assert demo.calls[-1] == (WAV, "Rain?")


async def test_error_of_the_demo_is_typed_and_its_text_stays_there(demo: Demo) -> None:
    error = await error_of(demo.url, "fail")

    assert (error.code, error.retryable) == ("describe.server_failed", True)
    assert "secret" not in str(error.public())


async def test_demo_with_one_output_is_a_typed_error(demo: Demo) -> None:
    one = demo.url.removesuffix("/two") + "/one"

    assert (await error_of(one)).code == "describe.bad_answer"


@pytest.mark.parametrize("path", ["queue/join", "queue/data", "upload"])
async def test_connection_dropped_in_the_middle_is_a_typed_error(demo: Demo, path: str) -> None:
    with cutting_proxy(demo.url, path) as url:
        error = await error_of(url)

    assert error.code in ("describe.disconnected", "describe.bad_answer")


async def test_question_that_is_not_answered_can_be_cancelled(demo: Demo) -> None:
    question = asyncio.create_task(ask(demo.url, "wait", 60.0))
    await asyncio.to_thread(demo.waiting.wait)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    demo.release.set()


# --- below the whole application ------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(demo: Demo) -> AsyncIterator[System]:
    built = build_system(Settings(fetch_models=False, model="embedded", gama_url=demo.url))
    await built.orchestrator.start()
    await built.service.wait_ready()
    yield built
    await built.orchestrator.stop()


async def described(system: System, question: str) -> AudioResult:
    wants = frozenset({Want.TRANSCRIPT, Want.DESCRIPTION})
    source = AudioSource(path=LONG, name=LONG.name)
    return await system.orchestrator.run(AudioTask(source, wants, question=question))


@pytest.mark.asyncio(loop_scope="module")
async def test_recording_is_transcribed_and_its_beginning_is_described(
    system: System, demo: Demo
) -> None:
    result = await described(system, "Rain?")

    assert result.transcript is not None
    assert "coffee" in result.transcript.text.lower()
    assert result.description is not None
    assert result.description.answer == f"{ANSWER} You asked: Rain?"
    wav, question = demo.calls[-1]
    read, rate_hz = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert (question, rate_hz, read.ndim) == ("Rain?", 16_000, 1)
    assert len(read) / rate_hz == pytest.approx(min(10.0, result.audio.duration_s))
    assert result.description.truncated is (result.audio.duration_s > 10.0)
    assert {"encode", "describe"} <= {stage.name for stage in result.stages}


@pytest.mark.asyncio(loop_scope="module")
async def test_failed_description_leaves_the_transcript(system: System) -> None:
    result = await described(system, "fail")

    assert result.transcript is not None
    assert result.transcript.text
    assert result.description is None
    [problem] = result.problems
    assert (problem.operation.value, problem.error.code) == ("describe", "describe.server_failed")


STUBS: dict[str, dict[str, Any]] = {
    "describe.server_failed": {"run": gives({"error": "x"}, 500)},
    "describe.bad_answer": {"run": gives({"data": [ANSWER]})},
    "describe.disconnected": {"run": breaks_off()},
    "describe.closed": {"config": gives({}, 404)},
    "": {},
}


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("code", STUBS)
async def test_old_gradio_answers_or_its_failure_is_a_problem(
    system: System, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    [gama] = [one for one in system.orchestrator._adapters if one.name == "gama"]
    with stub_server(**STUBS[code]) as stub:
        demo = GamaDemo(stub.url)
        monkeypatch.setattr(gama, "_demo", demo)
        result = await described(system, "Rain?")
        await demo.close()

    assert result.transcript is not None
    assert result.transcript.text
    assert [problem.error.code for problem in result.problems] == [code] * bool(code)
    assert (result.description is None) == bool(code)

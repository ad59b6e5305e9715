"""Real worker processes below a real orchestrator, and the real server with a real client."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from gradio_client import Client

from benchmarks.cluster import deploy, ray_cluster
from benchmarks.server import RunningServer, running_server
from tests.integration.toy import Make, toy_policy, toy_spec
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import WorkerEventSink, ignore_event
from wav2vec2_app.settings import Settings

MakeSystem = Callable[..., "System"]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Builds bridges to toy workers; afterwards nothing of them may be left."""
    children_before = psutil.Process().children(recursive=True)
    bridges: list[WorkerBridge] = []

    def build(
        *arguments: str, spec: WorkerSpec | None = None, on_event: WorkerEventSink = ignore_event,
        recorder: FrameRecorder | None = None, **options: Any,
    ) -> WorkerBridge:  # fmt: skip
        bridge = WorkerBridge(
            spec or toy_spec(*arguments),
            toy_policy(**options),
            on_event=on_event,
            recorder=recorder,
        )
        bridges.append(bridge)
        return bridge

    yield build
    await asyncio.gather(*(bridge.stop() for bridge in bridges))
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert psutil.Process().children(recursive=True) == children_before


ON_RAY = (pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("ignore"))  # of Ray's own
BACKENDS = ["local", pytest.param("ray", marks=ON_RAY)]
"""Where the workers run. Tests with the fixture ``shared_system`` run with both."""


@asynccontextmanager
async def running_system(**settings: Any) -> AsyncIterator[System]:
    built = build_system(Settings(fetch_models=False, model="embedded", **settings))
    await built.orchestrator.start()
    await built.service.wait_ready()
    yield built
    await built.orchestrator.stop()


@pytest.fixture
async def system() -> AsyncIterator[System]:
    """The whole application below the page, on the embedded model, ready to answer."""
    async with running_system() as system:
        yield system


@pytest.fixture(scope="session")
def ray_address(tiny_folder: Path) -> Iterator[str]:
    """A Ray cluster of this machine, with two inference replicas and one of each other role."""
    pytest.importorskip("ray")
    environment = {
        "WAV2VEC2_MODEL": "embedded",
        "WAV2VEC2_FETCH_MODELS": "false",
        "WAV2VEC2_MODEL_FOLDERS": json.dumps([str(tiny_folder)]),
    }
    with ray_cluster() as address:
        deploy(address, environment, "--inference", "2", "--cpus", "0.5")
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def shared_system(request: pytest.FixtureRequest, tiny_folder: Path) -> AsyncIterator[System]:
    """The same, one for all tests of a module, which run in its event loop; with either backend."""
    settings: dict[str, Any] = {"backend": request.param, "model_folders": (tiny_folder,)}
    if request.param == "ray":
        settings["ray_address"] = request.getfixturevalue("ray_address")
    async with running_system(**settings) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_local_system() -> AsyncIterator[System]:
    """The same with processes of this machine only, for tests that look at them."""
    async with running_system() as system:
        yield system


@pytest.fixture(scope="session")
def server(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The real server, with limits low enough to be tried out, a second model to choose, and one
    whose weights are missing."""
    weightless = tmp_path_factory.mktemp("models") / "weightless"
    shutil.copytree(tiny_folder, weightless, ignore=shutil.ignore_patterns("*.safetensors"))
    environment = {
        "WAV2VEC2_MODEL": "embedded",
        "WAV2VEC2_MODEL_FOLDERS": json.dumps([str(tiny_folder), str(weightless)]),
        "WAV2VEC2_MAX_DURATION_S": "60",
        "WAV2VEC2_MAX_BYTES": str(40 * 1024 * 1024),
        "WAV2VEC2_LOG_LEVEL": "WARNING",
        "WAV2VEC2_MCP": "true",
    }
    with running_server(environment) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Client:
    return Client(server.url, verbose=False)

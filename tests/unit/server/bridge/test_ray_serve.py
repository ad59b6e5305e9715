"""The calls of Ray and Ray Serve, and what becomes of their errors; a double stands in for Ray.

``tests/integration/test_backends.py`` runs the same code on a real cluster.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from wav2vec2_app.errors import BusyError, InternalError, ResourceError, Wav2Vec2Error
from wav2vec2_app.server import deployment
from wav2vec2_app.server.bridge.backend import ReplicaLostError
from wav2vec2_app.server.bridge.cluster import Scale
from wav2vec2_app.server.bridge.parcels import Parcel
from wav2vec2_app.server.deployment import Deployment, Replicas
from wav2vec2_app.settings import Settings

MODULE = "wav2vec2_app.server.bridge.ray_serve"
PARCEL = Parcel("inference", b"", (), 1.0)
RAY_ERRORS = ("ObjectLostError", "RayActorError", "TaskCancelledError", "WorkerCrashedError")
SERVE_ERRORS = ("BackPressureError", "DeploymentUnavailableError", "ReplicaUnavailableError")


class FakeRay:
    """What the module uses of ``ray`` and ``ray.serve``.

    Attributes:
        apps: replicas by state, by role, of each application.
        answers: what calls return, or raise, one after the other.
        deployed: options of each deployment.
        cancelled: how many responses were cancelled.
    """

    def __init__(self) -> None:
        self.initialized = False
        self.init_error: Exception | None = None
        self.apps: dict[str, dict[str, dict[str, int]]] = {}
        self.answers: list[Any] = []
        self.deployed: list[dict[str, Any]] = []
        self.run_error: Exception | None = None
        self.cancelled = 0
        self.stored: list[bytes] = []
        self.modules = self._modules()

    def _modules(self) -> dict[str, ModuleType]:
        ray, serve = ModuleType("ray"), ModuleType("ray.serve")
        errors, serve_errors = ModuleType("ray.exceptions"), ModuleType("ray.serve.exceptions")
        errors.RayError = type("RayError", (Exception,), {})  # type: ignore[attr-defined]
        serve_errors.RayServeException = type("RayServeException", (Exception,), {})  # type: ignore[attr-defined]
        for name in RAY_ERRORS:
            setattr(errors, name, type(name, (errors.RayError,), {}))
        for name in SERVE_ERRORS:
            setattr(serve_errors, name, type(name, (serve_errors.RayServeException,), {}))
        ray.__dict__.update(
            serve=serve, init=self.init, is_initialized=lambda: self.initialized, put=self.put
        )
        serve.__dict__.update(
            get_app_handle=self.get_app_handle, status=self.status, start=lambda **_: None,
            deployment=self.deployment, run=self.run, delete=self.apps.pop,
        )  # fmt: skip
        modules = (ray, serve, errors, serve_errors)
        return {module.__name__: module for module in modules}

    def error(self, name: str, text: str = "") -> Exception:
        for module in self.modules.values():
            if hasattr(module, name):
                made: Exception = getattr(module, name)(text)
                return made
        raise AttributeError(name)

    def init(self, **options: Any) -> None:
        if self.init_error is not None:
            raise self.init_error
        self.initialized = True

    def put(self, data: bytes) -> str:
        self.stored.append(data)
        return f"reference {len(self.stored)}"

    def get_app_handle(self, name: str) -> FakeHandle:
        if name not in self.apps:
            raise self.error("RayServeException", "no such application")
        return FakeHandle(self)

    def status(self) -> Any:
        def deployments(app: dict[str, dict[str, int]]) -> dict[str, Any]:
            return {role: SimpleNamespace(replica_states=states) for role, states in app.items()}

        apps = {
            name: SimpleNamespace(deployments=deployments(app)) for name, app in self.apps.items()
        }
        return SimpleNamespace(applications=apps)

    def deployment(self, **options: Any) -> Any:
        self.deployed.append(options)
        return lambda actor: SimpleNamespace(bind=lambda make: (actor, make))

    def run(self, bound: Any, *, name: str, route_prefix: None) -> None:
        if self.run_error is not None:
            raise self.run_error
        options = self.deployed[-1]
        self.apps[name] = {options["name"]: {"RUNNING": options.get("num_replicas", 1)}}


class FakeHandle:
    """A handle to a deployment; every method is the same."""

    def __init__(self, ray: FakeRay) -> None:
        self._ray = ray
        self.answer = self.about = self.stream = SimpleNamespace(
            remote=lambda *_: FakeResponse(ray)
        )

    def options(self, *, stream: bool) -> FakeHandle:
        return self

    def broadcast(self, method: str, *_: Any) -> FakeResponse:
        return FakeResponse(self._ray)


class FakeResponse:
    def __init__(self, ray: FakeRay) -> None:
        self._ray = ray

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        answer = self._ray.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def __aiter__(self) -> AsyncIterator[Any]:
        for answer in self._ray.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    async def results_async(self, *, return_exceptions: bool) -> Any:
        return await self

    def cancel(self) -> None:
        self._ray.cancelled += 1


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRay]:
    fake = FakeRay()
    for name, module in fake.modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield fake
    sys.modules.pop(MODULE, None)


def replicas_of(ray: FakeRay, role: str = "inference", address: str = "auto") -> Any:
    module = importlib.import_module(MODULE)
    return module.RayReplicas(module.RayCluster(address), role)


async def connected(ray: FakeRay) -> Any:
    ray.apps["wav2vec2-inference"] = {"inference": {"RUNNING": 2, "STARTING": 1, "STOPPING": 1}}
    replicas = replicas_of(ray)
    await replicas.connect()
    return replicas


async def replies(remote: Any, *, stream: bool) -> list[bytes]:
    return [piece async for piece in remote.send(PARCEL, stream=stream)]


async def test_reply_is_one_piece_or_many(ray: FakeRay) -> None:
    remote = await connected(ray)
    ray.answers = [b"alone"]
    assert await replies(remote, stream=False) == [b"alone"]
    ray.answers = [b"one", b"two", b"last"]
    assert await replies(remote, stream=True) == [b"one", b"two", b"last"]
    assert ray.cancelled == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_closing_a_reply_cancels_the_request(ray: FakeRay, stream: bool) -> None:
    remote = await connected(ray)
    ray.answers = [b"one", b"two"]
    reply = remote.send(PARCEL, stream=stream)
    await anext(reply)

    await reply.aclose()

    assert ray.cancelled == 1


@pytest.mark.parametrize("name", [*RAY_ERRORS, "ReplicaUnavailableError"])
@pytest.mark.parametrize("stream", [False, True])
async def test_lost_replica_differs_from_other_errors(
    ray: FakeRay, name: str, stream: bool
) -> None:
    remote = await connected(ray)
    ray.answers = [ray.error(name)]

    with pytest.raises(ReplicaLostError) as caught:
        await replies(remote, stream=stream)

    assert caught.value.retryable
    assert ray.cancelled == 1


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("BackPressureError", BusyError, "backend.busy"),
        ("DeploymentUnavailableError", ResourceError, "backend.not_deployed"),
        ("RayServeException", InternalError, "internal"),
        ("RayError", InternalError, "internal"),
    ],
)
async def test_other_errors_are_typed(
    ray: FakeRay, name: str, kind: type[Wav2Vec2Error], code: str
) -> None:
    remote = await connected(ray)
    for call in (
        lambda: replies(remote, stream=False),
        remote.about,
        lambda: remote.send_to_all(PARCEL),
    ):
        ray.answers = [ray.error(name)]
        with pytest.raises(kind) as caught:
            await call()
        assert caught.value.code == code


async def test_broadcast_returns_what_those_that_live_answered(ray: FakeRay) -> None:
    remote = await connected(ray)
    ray.answers = [[b"one", ray.error("RayActorError"), b"two"]]

    assert await remote.send_to_all(PARCEL) == [b"one", b"two"]


async def test_replicas_that_are_stopped_do_not_count(ray: FakeRay) -> None:
    remote = await connected(ray)

    assert await remote.states() == ["ready", "ready", "starting"]


async def test_application_that_is_removed_is_found_again(ray: FakeRay) -> None:
    remote = await connected(ray)
    apps = dict(ray.apps)
    ray.apps.clear()
    for call in (remote.states, remote.connect):
        with pytest.raises(ResourceError) as caught:
            await call()
        assert caught.value.code == "backend.not_deployed"

    ray.apps.update(apps)
    await remote.connect()

    assert len(await remote.states()) == 3


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (ConnectionError("refused"), "backend.unreachable"),
        (RuntimeError("no head"), "backend.unreachable"),
        (ValueError("bad address"), "backend.unreachable"),
        (RuntimeError("AuthenticationError: missing token"), "backend.unauthorized"),
    ],
)
async def test_cluster_that_does_not_answer_is_an_error_with_a_hint(
    ray: FakeRay, problem: Exception, code: str
) -> None:
    ray.init_error = problem

    with pytest.raises(ResourceError) as caught:
        await replicas_of(ray).connect()

    assert caught.value.code == code
    assert caught.value.hint


async def test_address_where_nothing_listens_is_found_out_without_ray(ray: FakeRay) -> None:
    with pytest.raises(ResourceError) as caught:
        await replicas_of(ray, address="127.0.0.1:1").connect()

    assert caught.value.code == "backend.unreachable"
    assert "127.0.0.1:1" in caught.value.message
    assert not ray.initialized


@pytest.mark.parametrize("size", [0, 1, 64 << 10, (64 << 10) + 1])
async def test_large_pieces_go_to_the_object_store(ray: FakeRay, size: int) -> None:
    remote = await connected(ray)
    piece = bytes(size)

    put = await remote.put(piece)

    assert (put == piece) == (size <= 64 << 10)
    assert ray.stored == ([] if size <= 64 << 10 else [piece])


@pytest.mark.parametrize(
    ("scale", "options"),
    [
        (Scale(2, 2), {"num_replicas": 2}),
        (
            Scale(1, 8, ongoing=6),
            {
                "autoscaling_config": {
                    "min_replicas": 1,
                    "max_replicas": 8,
                    "target_ongoing_requests": 3,
                }
            },
        ),
    ],
)
def test_number_of_replicas_is_left_to_serve(
    ray: FakeRay, scale: Scale, options: dict[str, Any]
) -> None:
    importlib.import_module(MODULE).deploy("inference", object, scale, 90.0)

    [given] = ray.deployed
    assert {name: given[name] for name in options} == options
    assert given["max_ongoing_requests"] == scale.ongoing
    assert given["ray_actor_options"] == {"num_cpus": 1.0, "num_gpus": 0.0}


def test_roles_are_deployed_looked_up_and_removed(ray: FakeRay) -> None:
    counts = {"inference": Replicas(3, 3), "text": Replicas(1, 1), "whisper": Replicas(0, 0)}
    ray.apps["wav2vec2-whisper"] = {"whisper": {"RUNNING": 1}}

    deployment.deploy(Settings(), Deployment(counts, cpus=2.0, gpus=1.0))

    assert deployment.deployed(Settings()) == {"inference": {"RUNNING": 3}, "text": {"RUNNING": 1}}
    resources = {one["name"]: one["ray_actor_options"] for one in ray.deployed}
    assert resources == {
        "inference": {"num_cpus": 2.0, "num_gpus": 1.0},
        "text": {"num_cpus": 0.25, "num_gpus": 0.0},
    }
    deployment.remove(Settings())
    assert deployment.deployed(Settings()) == {}


def test_replicas_that_do_not_start_are_an_error(ray: FakeRay) -> None:
    ray.run_error = RuntimeError("deployment failed")

    with pytest.raises(ResourceError) as caught:
        deployment.deploy(Settings(), Deployment({"text": Replicas(1, 1)}))

    assert caught.value.code == "backend.not_deployed"

"""Ray Serve as the system that starts, scales and addresses replicas. No other module imports ``ray``.

Each role is an application of its own with one deployment, so that roles are scaled independently. Serve
chooses the replica of a request, replaces lost ones and scales their number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import ray
from ray import serve
from ray.exceptions import (
    ObjectLostError,
    RayActorError,
    RayError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)

from wav2vec2_app.errors import BusyError, TimedOutError, Wav2Vec2Error, translate
from wav2vec2_app.server.bridge.backend import ReplicaLostError
from wav2vec2_app.server.bridge.cluster import AUTO, Scale, not_deployed, unauthorized, unreachable
from wav2vec2_app.server.bridge.parcels import FilePiece, Parcel
from wav2vec2_app.server.bridge.replica import Replica, ReplicaActor
from wav2vec2_app.server.deadline import within

_log = logging.getLogger(__name__)

INLINE_BYTES = 64 << 10
"""Shorter pieces of files travel in the request; longer ones go to Ray's object store."""
CONNECT_LIMIT_S = 5.0
"""How long the address may take to accept a connection, seconds."""
INIT_LIMIT_S = 120.0
"""How long it may take to join the cluster, seconds."""
LOST: Final = (
    RayActorError,
    ReplicaUnavailableError,
    ObjectLostError,
    WorkerCrashedError,
    TaskCancelledError,
)
"""What Ray raises for a request whose replica, or node, was lost or stopped."""
STATES: Mapping[str, str] = MappingProxyType(
    {"RUNNING": "ready", "STARTING": "starting", "UPDATING": "starting", "RECOVERING": "starting"},
)
"""Ours for Serve's states of a replica; those that are being stopped do not count."""


def app_name(role: str) -> str:
    """The Serve application of a role."""
    return f"wav2vec2-{role}"


# --- the cluster -------------------------------------------------------------------------------


class RayCluster:
    """The connection of this process to a cluster, made when it is first needed.

    Args:
        address: ``host:port`` of the cluster's head, or :data:`AUTO`.
    """

    def __init__(self, address: str = AUTO) -> None:
        self._address = address
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Join the cluster, unless this process has.

        Raises:
            ResourceError: ``backend.unreachable``.
        """
        async with self._lock:
            if ray.is_initialized():
                return
            if self._address != AUTO:
                await self._probe()
            try:
                await within(INIT_LIMIT_S, asyncio.create_task(asyncio.to_thread(self.join)))
            except TimedOutError as error:
                raise unreachable(self._address) from error

    async def _probe(self) -> None:
        """Ray itself would try for minutes."""
        host, _, port = self._address.rpartition(":")
        try:
            opened = asyncio.create_task(asyncio.open_connection(host, int(port)))
            _, writer = await within(CONNECT_LIMIT_S, opened)
        except (OSError, TimedOutError) as error:
            raise unreachable(self._address) from error
        writer.close()

    def join(self) -> None:
        """Join the cluster; blocks.

        Raises:
            ResourceError: ``backend.unreachable``, ``backend.unauthorized``.
        """
        try:
            ray.init(
                address=self._address,
                log_to_driver=False,
                configure_logging=False,
                ignore_reinit_error=True,
            )
        except (OSError, RuntimeError, ValueError, TimeoutError, RayError) as error:
            _log.info("ray.init failed: %s", error)
            refused = "Authentication" in f"{error} {error.__cause__}"
            raise (unauthorized() if refused else unreachable(self._address)) from error


class RayReplicas:
    """The replicas of one role; see :class:`~wav2vec2_app.server.bridge.backend.Remote`.

    Args:
        cluster: where they run.
        role: whose deployment it is.
    """

    def __init__(self, cluster: RayCluster, role: str) -> None:
        self._cluster = cluster
        self._role = role
        self._handle: Any = None

    async def connect(self) -> None:
        """Find the deployment.

        Raises:
            ResourceError: ``backend.unreachable``, ``backend.not_deployed``.
        """
        await self._cluster.connect()
        if self._handle is None:
            try:
                self._handle = await asyncio.to_thread(serve.get_app_handle, app_name(self._role))
            except (RayServeException, RayError) as error:
                raise not_deployed(self._role) from error

    async def put(self, chunk: bytes) -> FilePiece:
        """A piece of a file, or its reference in the object store."""
        if len(chunk) <= INLINE_BYTES:
            return chunk
        reference: FilePiece = await asyncio.to_thread(ray.put, chunk)
        return reference

    async def send(self, parcel: Parcel, *, stream: bool) -> AsyncGenerator[bytes, None]:
        """The reply of the replica that Serve chooses; closing it cancels the request."""
        response = (
            self._handle.options(stream=True).stream.remote(parcel)
            if stream
            else self._handle.answer.remote(parcel)
        )
        done = False
        try:
            if stream:
                async for piece in response:
                    yield piece
            else:
                yield await response
            done = True
        except (RayError, RayServeException) as error:
            raise self._translated(error) from error
        finally:
            if not done:
                response.cancel()

    async def send_to_all(self, parcel: Parcel) -> Sequence[bytes]:
        """The last pieces of the replies of all replicas that answered."""
        try:
            replies = await self._handle.broadcast("answer", parcel).results_async(
                return_exceptions=True
            )
        except (RayError, RayServeException) as error:
            raise self._translated(error) from error
        for reply in replies:
            if isinstance(reply, Exception):
                _log.info("a %s replica did not answer: %s", self._role, reply)
        return [reply for reply in replies if isinstance(reply, bytes)]

    async def about(self) -> bytes:
        """What one replica says about itself."""
        try:
            info: bytes = await self._handle.about.remote()
        except (RayError, RayServeException) as error:
            raise self._translated(error) from error
        return info

    async def states(self) -> Sequence[str]:
        """The state of every replica.

        Raises:
            ResourceError: ``backend.not_deployed``: the application was removed.
        """
        status = await asyncio.to_thread(serve.status)
        app = status.applications.get(app_name(self._role))
        if app is None:
            self._handle = None  # a later application has another one
            raise not_deployed(self._role)
        counts = app.deployments[self._role].replica_states if app.deployments else {}
        return [STATES[str(state)] for state in _repeated(counts) if str(state) in STATES]

    def _translated(self, error: Exception) -> Wav2Vec2Error:
        if isinstance(error, LOST):
            return ReplicaLostError(
                f"The {self._role} replica ended during a request.",
                hint="Try again; it is replaced.",
            )
        if isinstance(error, BackPressureError):
            return BusyError(
                "The replicas have too many requests.",
                code="backend.busy",
                hint="Try again in a moment.",
                metadata={"retry_after_s": 5},
            )
        if isinstance(error, DeploymentUnavailableError):
            return not_deployed(self._role)
        _log.error("a request to the %s replicas failed", self._role, exc_info=error)
        return translate(error)


def _repeated(counts: Mapping[Any, int]) -> Sequence[Any]:
    return [getattr(state, "value", state) for state, count in counts.items() for _ in range(count)]


# --- deployment --------------------------------------------------------------------------------


def deploy(role: str, make: Callable[[], Replica], scale: Scale, start_timeout_s: float) -> None:
    """Deploy the replicas of a role, or change those that are deployed; blocks until they run.

    Raises:
        ResourceError: ``backend.not_deployed``: they do not start.
    """
    serve.start(proxy_location="Disabled")
    deployment = serve.deployment(
        name=role,
        max_ongoing_requests=scale.ongoing,
        ray_actor_options={"num_cpus": scale.cpus, "num_gpus": scale.gpus},
        health_check_timeout_s=start_timeout_s,
        **_numbers(scale),
    )(ReplicaActor)
    try:
        serve.run(deployment.bind(make), name=app_name(role), route_prefix=None)
    except (RuntimeError, RayError, RayServeException) as error:
        _log.info("deploying %s failed: %s", role, error)
        raise not_deployed(role) from error


def _numbers(scale: Scale) -> dict[str, object]:
    if scale.minimum == scale.maximum:
        return {"num_replicas": scale.minimum}
    limits = {"min_replicas": scale.minimum, "max_replicas": scale.maximum}
    return {"autoscaling_config": {**limits, "target_ongoing_requests": max(1, scale.ongoing // 2)}}


def deployed() -> Mapping[str, Mapping[str, int]]:
    """The states of the replicas and how many have each, by role."""
    found = {}
    for name, app in serve.status().applications.items():
        for role, deployment in app.deployments.items():
            if name == app_name(role):
                found[role] = {
                    str(getattr(state, "value", state)): count
                    for state, count in deployment.replica_states.items()
                }
    return found


def remove(role: str) -> None:
    """Stop the replicas of a role."""
    serve.delete(app_name(role))

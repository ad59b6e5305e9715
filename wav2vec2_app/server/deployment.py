"""Deploys the workers as replicas on a Ray cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.bridge.cluster import Scale
from wav2vec2_app.server.bridge.ray_or_error import ray_serve
from wav2vec2_app.server.bridge.replica import Replica
from wav2vec2_app.server.build import local_pool
from wav2vec2_app.settings import Settings

DEPLOYED_ROLES: Final = ("audio", "inference", "text", "whisper")
MODEL_ROLES: Final = ("inference", "whisper")
"""Roles whose replicas can download models."""
LIGHT_CPUS: Final = 0.25
"""Processors that Ray reserves for a replica of another role: it is idle most of the time."""
_COUNTS = re.compile(r"([0-9]{1,5})(?::([0-9]{1,5}))?")


@dataclass(frozen=True)
class Replicas:
    """How many replicas of a role: always the same, or as many as the requests need."""

    minimum: int
    maximum: int

    @classmethod
    def parse(cls, text: str) -> Replicas:
        """``3``, or ``1:8`` for one to eight.

        Raises:
            InputError: it is neither.
        """
        match = _COUNTS.fullmatch(text.strip())
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if low > high:
            raise InputError(
                f"{text[:40]!r} is not a number of replicas.",
                code="deployment.bad_count",
                hint="Use a number (2), or the smallest and the largest one (1:8).",
            )
        return cls(low, high)


@dataclass(frozen=True)
class Deployment:
    """The replicas of every role; roles without a replica are not deployed.

    Attributes:
        replicas: by role.
        cpus, gpus: of a replica that runs a model.
        ongoing: requests that a replica is given at the same time.
    """

    replicas: Mapping[str, Replicas]
    cpus: float = 1.0
    gpus: float = 0.0
    ongoing: int = 4


def make_replica(settings: Settings, role: str) -> Replica:
    """A replica of this machine; called where it runs."""
    others = {"download": partial(local_pool, settings, "download")}
    return Replica(local_pool(settings, role), others if role in MODEL_ROLES else {})


def settings_of_replicas(settings: Settings, cpus: float) -> Settings:
    """What the workers of a replica need to know; no secrets."""
    return settings.model_copy(
        update={
            "backend": "local",
            "api_keys": (),
            "record_folder": None,
            "inference_workers": 1,
            "threads": settings.threads or max(1, round(cpus)),
        }
    )


def deploy(settings: Settings, deployment: Deployment) -> None:
    """Deploy, or change what is deployed; blocks until the replicas run.

    Raises:
        ResourceError: ``backend.ray_missing``, ``backend.unreachable``, ``backend.not_deployed``.
    """
    serve = ray_serve()
    serve.RayCluster(settings.ray_address).join()
    theirs = settings_of_replicas(settings, deployment.cpus)
    for role, replicas in deployment.replicas.items():
        if not replicas.maximum:
            if role in serve.deployed():
                serve.remove(role)
            continue
        heavy = role in MODEL_ROLES
        scale = Scale(
            replicas.minimum,
            replicas.maximum,
            cpus=deployment.cpus if heavy else LIGHT_CPUS,
            gpus=deployment.gpus if heavy else 0.0,
            ongoing=deployment.ongoing,
        )
        serve.deploy(role, partial(make_replica, theirs, role), scale, settings.start_timeout_s)


def deployed(settings: Settings) -> Mapping[str, Mapping[str, int]]:
    """How many replicas are in which state, by role.

    Raises:
        ResourceError: ``backend.ray_missing``, ``backend.unreachable``.
    """
    serve = ray_serve()
    serve.RayCluster(settings.ray_address).join()
    found: Mapping[str, Mapping[str, int]] = serve.deployed()
    return found


def remove(settings: Settings) -> None:
    """Stop all replicas.

    Raises:
        ResourceError: ``backend.ray_missing``, ``backend.unreachable``.
    """
    for role in deployed(settings):
        ray_serve().remove(role)

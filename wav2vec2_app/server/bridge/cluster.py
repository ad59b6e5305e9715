"""The size of a deployment, and the errors of a cluster that cannot be used; imports no Ray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import ResourceError

AUTO: Final = "auto"
"""The address of the cluster that this machine is a node of."""


@dataclass(frozen=True)
class Scale:
    """How many replicas a role has, and what each of them needs.

    Attributes:
        minimum, maximum: where they differ, Serve scales by the number of requests.
        cpus, gpus: of one replica, for Ray's scheduler.
        ongoing: requests that a replica is given at the same time; all but one wait in it, and those
            that fit are computed as a batch.
    """

    minimum: int
    maximum: int
    cpus: float = 1.0
    gpus: float = 0.0
    ongoing: int = 4


def unreachable(address: str) -> ResourceError:
    """No cluster answers at the address."""
    where = "this machine" if address == AUTO else address
    return ResourceError(
        f"There is no Ray cluster at {where}.",
        code="backend.unreachable",
        hint="Start one with: ray start --head; or set WAV2VEC2_RAY_ADDRESS.",
    )


def unauthorized() -> ResourceError:
    """The cluster needs a token."""
    return ResourceError(
        "The Ray cluster did not accept this process.",
        code="backend.unauthorized",
        retryable=False,
        hint="Set RAY_AUTH_MODE=token, and the cluster's token as Ray's documentation describes.",
    )


def not_deployed(role: str) -> ResourceError:
    """Replicas were not deployed, or do not start."""
    return ResourceError(
        f"The {role} replicas are not deployed, or cannot start.",
        code="backend.not_deployed",
        hint="Deploy them with: wav2vec2-app ray deploy; Ray's logs say why one does not start.",
    )

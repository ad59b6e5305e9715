"""The Ray Serve module where Ray is installed; elsewhere an error that says what to install."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType

from wav2vec2_app.errors import ResourceError
from wav2vec2_app.server.bridge.backend import Remote


def ray_serve() -> ModuleType:
    """:mod:`wav2vec2_app.server.bridge.ray_serve`.

    Raises:
        ResourceError: ``backend.ray_missing``.
    """
    try:
        return importlib.import_module("wav2vec2_app.server.bridge.ray_serve")
    except ImportError as error:
        raise ResourceError(
            f"Ray Serve is not installed ({error.name}).",
            code="backend.ray_missing",
            layer="context",
            retryable=False,
            hint="Install it with: pip install 'wav2vec2-app[ray]'; or set WAV2VEC2_BACKEND=local.",
        ) from error


def ray_remotes(address: str) -> Callable[[str], Remote]:
    """Makes the replicas of a role on the cluster at ``address``; nothing is connected.

    Raises:
        ResourceError: ``backend.ray_missing``.
    """
    module = ray_serve()
    cluster = module.RayCluster(address)

    def remote(role: str) -> Remote:
        replicas: Remote = module.RayReplicas(cluster, role)
        return replicas

    return remote

"""Pools of worker processes of this machine.

Imports little: the server starts its first worker before it imports the other layers.
"""

from __future__ import annotations

import json
import sys

from wav2vec2_app.server.assets import PACKAGE_FOLDER
from wav2vec2_app.server.bridge.on_demand import OnDemandPool
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.events import WorkerEventSink, ignore_event
from wav2vec2_app.server.policies import bridge_policy
from wav2vec2_app.server.worker_configs import CONFIGS, Config, Env
from wav2vec2_app.settings import Settings


def process_pool(
    settings: Settings,
    role: str,
    config: Config,
    env: Env,
    *,
    on_event: WorkerEventSink = ignore_event,
) -> WorkerPool:
    """The workers of a role as processes of this machine; nothing is started."""
    spec = _worker_spec(role, config, {"WAV2VEC2_LOG_LEVEL": settings.log_level, **env})
    recorder = FrameRecorder(settings.record_folder) if settings.record_folder else None
    policy, size = bridge_policy(settings), settings.inference_workers if role == "inference" else 1
    kind = WorkerPool if role in CONFIGS else OnDemandPool
    return kind(
        [WorkerBridge(spec, policy, on_event=on_event, recorder=recorder) for _ in range(size)]
    )


def _worker_spec(role: str, config: Config, env: Env) -> WorkerSpec:
    argv = (sys.executable, "-c", WORKER, "--role", role, "--config", json.dumps(config))
    return WorkerSpec(role=role, argv=argv, env=env, isolated=role == "audio")


WORKER = (
    f"import sys; sys.path = [p for p in sys.path if p] + [{str(PACKAGE_FOLDER.parent)!r}]; "
    "from wav2vec2_app.worker.__main__ import main; sys.exit(main())"
)
"""The worker program. Not ``-m``: that would import from the current folder, and find nothing where
the package is not installed but lies beside ``app.py``."""

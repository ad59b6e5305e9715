"""The worker program itself, behind a bridge."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from wav2vec2_app.errors import WorkerDiedError
from wav2vec2_app.server.bridge.policy import BridgePolicy, RestartPolicy
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge

pytestmark = pytest.mark.integration


def bridge_to(role: str, **config: object) -> WorkerBridge:
    argv = (sys.executable, "-m", "wav2vec2_app.worker", "--role", role)
    spec = WorkerSpec(role, (*argv, "--config", json.dumps(config)))
    return WorkerBridge(spec, BridgePolicy(restarts=RestartPolicy(budget=0)))


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="needs Linux to see what is loaded"
)
async def test_audio_role_loads_no_torch() -> None:
    bridge = bridge_to("audio", max_duration_s=60.0, max_bytes=1 << 20)
    try:
        await bridge.start()
        await bridge.wait_ready()
        maps = Path(f"/proc/{bridge.status().pid}/maps").read_text()
        assert "numpy" in maps
        assert "torch" not in maps
    finally:
        await bridge.stop()


async def test_role_without_its_configuration_says_that_it_cannot_start() -> None:
    bridge = bridge_to("audio")
    try:
        await bridge.start()
        with pytest.raises(WorkerDiedError) as down:
            await bridge.wait_ready()
        assert down.value.metadata["exit_code"] == 3
    finally:
        await bridge.stop()

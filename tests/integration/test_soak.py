"""The soak test of ``benchmarks/soak.py``, shortened."""

from __future__ import annotations

import pytest

from benchmarks.soak import QUARANTINED, Plan, soak

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def test_nothing_is_lost_while_workers_are_killed_and_files_crash_them() -> None:
    plan = Plan(requests=10, clients=8, kill_every_s=4.0, poison_every_s=4.0)
    outcome = await soak(plan)

    assert outcome.lost == {}
    assert outcome.transcripts == plan.requests
    assert outcome.kills > 0
    assert set(outcome.poisoned) == {QUARANTINED}

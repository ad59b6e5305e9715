"""The arithmetic of docs/growth.md."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.sizing import ASSUMED, MEASURED, USERS, size, table

GROWTH = Path(__file__).parents[3] / "docs" / "growth.md"


def test_document_has_the_sizes_that_the_formulas_give() -> None:
    assert table() in GROWTH.read_text("utf-8")


@settings(deadline=None)
@given(users=st.integers(1, 10**7))
def test_replicas_can_do_the_work_at_the_assumed_utilisation(users: int) -> None:
    sized = size(users)
    work = sized.audio_rate / MEASURED.inference_rate

    assert sized.inference * ASSUMED.utilisation >= work - 1e-9
    assert sized.inference == max(1, math.ceil(work / ASSUMED.utilisation))
    assert sized.servers * ASSUMED.utilisation >= sized.requests_per_s * MEASURED.server_s - 1e-9


@settings(deadline=None)
@given(users=st.integers(1, 10**6), more=st.integers(0, 10**6))
def test_more_users_never_need_less(users: int, more: int) -> None:
    few, many = size(users), size(users + more)

    assert many.inference >= few.inference
    assert many.text >= few.text
    assert many.memory_bytes >= few.memory_bytes
    assert many.servers >= few.servers


def test_slow_network_needs_more_servers() -> None:
    slow = replace(ASSUMED, link_bytes=1e6)

    assert size(USERS[-1], user=slow).servers > size(USERS[-1]).servers

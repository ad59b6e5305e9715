"""A thousand damaged files of every format through the real audio worker."""

from __future__ import annotations

import pytest

from benchmarks.mutated_files import MAX_GROWTH_MIB, damaged_files, decode_all
from benchmarks.sound_files import sound_files

pytestmark = pytest.mark.integration

FILES = 1_000
SEED = 20_261


async def test_damaged_files_are_decoded_or_refused_and_the_worker_survives() -> None:
    outcome = await decode_all(damaged_files(FILES, SEED), FILES)

    assert outcome.failures == []
    assert sum(outcome.results.values()) == FILES
    assert outcome.results["decoded"] > FILES // 4
    assert outcome.results["audio.broken"] > 0
    assert outcome.growth_mib < MAX_GROWTH_MIB


def test_the_same_seed_makes_the_same_files() -> None:
    first, second = (list(damaged_files(60, 5)) for _ in range(2))

    assert [file.data for file in first] == [file.data for file in second]
    assert len({file.format for file in first}) == len(sound_files())
    assert [file.data for file in damaged_files(60, 6)] != [file.data for file in first]

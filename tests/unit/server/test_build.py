"""What the composition root derives from the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from wav2vec2_app.server.worker_configs import DECODER_BYTES, _audio_config
from wav2vec2_app.settings import Settings


def memory_bytes(**settings: float) -> int:
    return _audio_config(Settings(**settings), Path())["process"]["memory_bytes"]


def test_address_space_of_the_decoder_is_below_a_gigabyte_by_default() -> None:
    assert DECODER_BYTES < memory_bytes() < 1 << 30


@pytest.mark.parametrize("hours", [1, 3, 24])
def test_decoding_longer_recordings_needs_no_more_memory(hours: int) -> None:
    assert memory_bytes(max_duration_s=3600 * hours) == memory_bytes()


def test_larger_files_and_longer_pictures_need_more() -> None:
    assert memory_bytes(max_bytes=1 << 30) == DECODER_BYTES + (1 << 30)
    assert memory_bytes(features_s=7200) > DECODER_BYTES + 4 * 7200 * 64_000
    assert memory_bytes(features_s=7200, max_duration_s=60) == memory_bytes()

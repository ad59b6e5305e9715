import math

import pytest

from wav2vec2_app.server.ui.render import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.42, "420 ms"),
        (0.9996, "1.00 s"),
        (1.234, "1.23 s"),
        (12.34, "12.3 s"),
        (75.0, "1 min 15 s"),
        (120.0, "2 min"),
        (math.nan, "–"),
        (-1.0, "–"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "1 s"),
        (1.2, "2 s"),
        (11.6, "15 s"),
        (43.0, "50 s"),
        (91.0, "2 min"),
        (math.inf, "a moment"),
    ],
)
def test_waiting_is_rounded_up(value: float, text: str) -> None:
    assert units.waiting(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (30_000, "29 KB"),
        (5 * 2**20, "5.0 MB"),
        (300 * 2**20, "300 MB"),
        (2 * 2**30, "2.00 GB"),
    ],
)
def test_memory(value: int, text: str) -> None:
    assert units.memory(value) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.934, "93 %"), (0.9949, "99 %"), (0.998, "99 %"), (1.0, "100 %")]
)
def test_percent_never_rounds_up_to_certainty(share: float, text: str) -> None:
    assert units.percent(share) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(6328, "6,328"), (5_120_000, "5.1 million"), (94_400_000, "94.4 million"),
     (315_000_000, "315 million")],
)  # fmt: skip
def test_count(number: int, text: str) -> None:
    assert units.count(number) == text


@pytest.mark.parametrize(
    ("real_time_factor", "text"),
    [
        (0.042, "24 times faster than real time"),
        (0.4, "2.5 times faster than real time"),
        (1.0, "as fast as real time"),
        (3.0, "3.0 times slower than real time"),
        (0.0, "speed not measured"),
    ],
)
def test_speed_in_words(real_time_factor: float, text: str) -> None:
    assert units.speed(real_time_factor) == text

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.server.live.script import emission, say
from wav2vec2_app.server.live.pauses import best_pause, first_pause, quietest


def test_pause_behind_the_last_word_is_found_once_it_lasts_long_enough() -> None:
    words = say("good morning")  # until 1.2 s

    assert first_pause(emission(words, 1.7), 0.7) is None
    pause = first_pause(emission(words, 2.1), 0.7)

    assert pause is not None
    assert pause.start_s == pytest.approx(1.26, abs=0.03)
    assert pause.end_s == pytest.approx(2.1)


def test_pause_between_words_is_found_too() -> None:
    words = [*say("good morning"), *say("how are you", start_s=2.2)]

    pause = first_pause(emission(words, 3.4), 0.7)

    assert pause is not None
    assert pause.end_s == pytest.approx(2.2)


def test_silence_before_the_first_word_is_no_pause() -> None:
    assert first_pause(emission(say("late", start_s=5.0), 5.4), 0.7) is None
    assert first_pause(emission([], 5.0), 0.7) is None


def test_where_the_level_stays_up_a_pause_has_to_be_longer() -> None:
    words = say("good morning")

    assert first_pause(emission(words, 2.2, noise=True), 0.7) is None
    assert first_pause(emission(words, 2.8, noise=True), 0.7) is not None


def test_best_pause_is_the_longest_that_is_neither_too_early_nor_too_new() -> None:
    words = [
        *say("one", start_s=0.0),
        *say("two three", start_s=2.0),  # the longest pause, but too early
        *say("four five", start_s=3.2),  # 0.5 s before it
        *say("six seven eight nine ten eleven", start_s=4.1, gap_s=0.05),
    ]

    pause = best_pause(emission(words, 6.2), not_before_s=1.8)

    assert pause is not None
    assert 2.6 < pause.middle_s < 3.2
    assert best_pause(emission([], 6.2), 1.8) is None


def test_quietest_stretch_of_unread_audio() -> None:
    samples = np.ones(16_000 * 3, dtype=np.float32)
    samples[4_000:9_000] = 0.0
    samples[30_000:34_000] = 0.0

    assert 1.8 < quietest(samples, 1.0) < 2.2
    assert quietest(samples[:1600], 0.0) == pytest.approx(0.1)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server.live.script import emission as live_emission
from tests.unit.server.live.script import say
from tests.unit.worker.model.test_decoders import emission
from wav2vec2_app.speech.pauses import (
    blank_runs,
    first_pause,
    longest_blank_run,
    longest_pause,
    quietest_s,
    word_after_longest_gap,
    word_final_blank_runs,
)
from wav2vec2_app.speech.transcript import Word


def test_blank_runs() -> None:
    assert blank_runs(emission("__A_BB___")) == [(0, 2), (3, 4), (6, 9)]
    assert blank_runs(emission("AB")) == []
    assert blank_runs(emission("")) == []


@given(st.text(alphabet="_AB|", max_size=60))
def test_blank_runs_cover_exactly_the_blank_frames(path: str) -> None:
    runs = blank_runs(emission(path))

    blank = {frame for start, stop in runs for frame in range(start, stop)}
    assert blank == {frame for frame, token in enumerate(path) if token == "_"}


def test_longest_blank_run_lies_within_the_range() -> None:
    said = emission("____A__B___C____")

    assert longest_blank_run(said, 2, 14) == (8, 11)  # of the outer ones, 2 frames are inside
    assert longest_blank_run(said, 2, 8) == (2, 4)  # the first of equals
    assert longest_blank_run(said, 4, 5) is None


def test_word_final_blank_runs_need_a_delimiter_beside_them_or_more_length() -> None:
    path = "A|___B___C___|D_____E"

    runs = word_final_blank_runs(emission(path), min_s=0.06, undelimited_min_s=0.1)

    assert runs == [(2, 5), (10, 13), (15, 20)]


def test_pause_after_the_last_word_is_found_once_it_is_long_enough() -> None:
    words = say("good morning")  # until 1.2 s

    assert first_pause(live_emission(words, 1.7), 0.7) is None
    pause = first_pause(live_emission(words, 2.1), 0.7)

    assert pause is not None
    assert pause.start_s == pytest.approx(1.26, abs=0.03)
    assert pause.end_s == pytest.approx(2.1)


def test_pause_between_words_is_found() -> None:
    words = [*say("good morning"), *say("how are you", start_s=2.2)]

    pause = first_pause(live_emission(words, 3.4), 0.7)

    assert pause is not None
    assert pause.end_s == pytest.approx(2.2)


def test_silence_before_the_first_word_is_not_a_pause() -> None:
    assert first_pause(live_emission(say("late", start_s=5.0), 5.4), 0.7) is None
    assert first_pause(live_emission([], 5.0), 0.7) is None


def test_pause_has_to_be_longer_where_the_level_does_not_drop() -> None:
    words = say("good morning")

    assert first_pause(live_emission(words, 2.2, noise=True), 0.7) is None
    assert first_pause(live_emission(words, 2.8, noise=True), 0.7) is not None


def test_longest_pause_lies_between_the_bounds() -> None:
    words = [
        *say("one", start_s=0.0),
        *say("two three", start_s=2.0),  # the longest pause, but too early
        *say("four five", start_s=3.2),  # 0.5 s before it
        *say("six seven eight nine ten eleven", start_s=4.1, gap_s=0.05),
    ]

    pause = longest_pause(live_emission(words, 6.2), not_before_s=1.8, not_after_s=4.7)

    assert pause is not None
    assert 2.6 < pause.middle_s < 3.2
    assert longest_pause(live_emission(words, 6.2), 1.8, 2.0) is None
    assert longest_pause(live_emission([], 6.2), 1.8, 4.7) is None


def test_quietest_window() -> None:
    samples = np.ones(16_000 * 3, dtype=np.float32)
    samples[4_000:9_000] = 0.0
    samples[30_000:34_000] = 0.0

    assert 1.8 < quietest_s(samples, 1.0) < 2.2
    assert quietest_s(samples[:1600], 0.0) == pytest.approx(0.1)


def timed(*spans_s: tuple[float, float]) -> list[Word]:
    return [Word("word", start_s, end_s, 1.0) for start_s, end_s in spans_s]


def test_word_after_the_longest_gap_within_the_bounds() -> None:
    words = timed((0, 1), (4, 5), (6, 7), (9, 10), (11, 12), (20, 21))

    def after(first: int, min_s: float, max_s: float) -> int:
        return word_after_longest_gap(words, first, since_s=0.0, min_s=min_s, max_s=max_s)

    assert after(0, min_s=5.0, max_s=12.0) == 3  # 2 s before it; 3 s before word 1 is too early
    assert after(0, min_s=2.0, max_s=12.0) == 1
    assert after(3, min_s=12.5, max_s=15.0) == 5  # none within: the next one
    assert after(4, min_s=30.0, max_s=40.0) == len(words)

"""Long emissions in parts, and their transcripts joined."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import FRAME_S, VOCABULARY, make_recognition
from wav2vec2_app.server.service.parts import DECODED_PART_S, MIN_LAST_PART_S, join, parts_of
from wav2vec2_app.speech.emission import Emission


def emission(seconds: float, pauses_s: list[tuple[float, float]]) -> Emission:
    """Letters throughout, but for the pauses, each from one second to another."""
    frames = round(seconds / FRAME_S)
    log_probs = np.full((frames, len(VOCABULARY)), -10.0, np.float32)
    log_probs[:, 7] = 0.0
    for start_s, end_s in pauses_s:
        log_probs[round(start_s / FRAME_S) : round(end_s / FRAME_S), [0, 7]] = [0.0, -10.0]
    energy_db = np.arange(frames, dtype=np.float16)
    return Emission(log_probs, VOCABULARY, 0, "|", FRAME_S, energy_db=energy_db)


def test_what_is_not_longer_than_a_part_is_one() -> None:
    assert parts_of(emission(30.0, [(20.0, 25.0)])) == [(0, 1500)]


def test_cut_lies_in_the_middle_of_the_longest_pause() -> None:
    said = emission(40.0, [(10.0, 14.0), (17.0, 17.4), (22.0, 23.0)])

    assert parts_of(said) == [(0, 1125), (1125, 2000)]


def test_speech_without_a_pause_is_cut_all_the_same() -> None:
    parts = parts_of(emission(80.0, []))

    assert [stop - start for start, stop in parts] == [1500, 1500, 1000]


@given(
    seconds=st.floats(min_value=1.0, max_value=400.0),
    pauses=st.lists(st.tuples(st.floats(0, 400), st.floats(0.1, 5.0)), max_size=20),
)
def test_parts_are_the_whole_and_none_is_too_long(
    seconds: float, pauses: list[tuple[float, float]]
) -> None:
    said = emission(seconds, [(start, start + length) for start, length in pauses])
    parts = parts_of(said)

    assert parts[0][0] == 0
    assert parts[-1][1] == len(said.log_probs)
    assert all(left[1] == right[0] for left, right in pairwise(parts))
    lengths_s = [(stop - start) * FRAME_S for start, stop in parts]
    assert max(lengths_s) <= DECODED_PART_S[1]
    assert len(parts) == 1 or min(lengths_s) >= MIN_LAST_PART_S


def test_part_has_the_levels_of_its_own_frames() -> None:
    part = emission(3.0, []).cut(50, 100)

    assert len(part.log_probs) == 50
    assert part.energy_db is not None
    assert part.energy_db.tolist() == list(range(50, 100))
    assert replace(part, energy_db=None).cut(0, 10).energy_db is None


def test_words_of_all_parts_lie_on_the_axis_of_the_whole() -> None:
    one, other = make_recognition("so it").transcript, make_recognition("was said").transcript
    empty = make_recognition("").transcript

    whole = join([one, empty, replace(other, confidence=0.5)], [0.0, 60.0, 120.0], " ")

    assert whole.text == "so it was said"
    assert [word.text for word in whole.words] == ["so", "it", "was", "said"]
    assert whole.words[2].start_s == pytest.approx(120.0 + other.words[0].start_s)
    assert whole.confidence == pytest.approx((0.9 * 2 + 0.5 * 2) / 4)
    assert whole.reason == ""


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [(["silence", "silence"], "silence"), (["silence", "no_speech"], "no_speech")],
)
def test_whole_without_words_says_why(reasons: list[str], expected: str) -> None:
    empty = make_recognition("").transcript

    whole = join([replace(empty, reason=reason) for reason in reasons], [0.0, 60.0], " ")

    assert (whole.text, whole.reason, whole.confidence) == ("", expected, 0.0)

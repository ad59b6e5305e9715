from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.model.test_decoders import emission
from wav2vec2_app.worker.model.phrases import (
    MIN_PHRASE_S,
    PHRASE_PAUSE_S,
    UNDELIMITED_PHRASE_PAUSE_S,
    phrase_spans,
)

FRAME_S = 0.02
SHORTEST, PAUSE, BREAK = (
    round(seconds / FRAME_S)
    for seconds in (MIN_PHRASE_S, PHRASE_PAUSE_S, UNDELIMITED_PHRASE_PAUSE_S)
)


def said(frames: int) -> str:
    """Letters without a pause, and the end of a word."""
    return ("AB" * (frames // 2) + "A" * (frames % 2))[: frames - 1] + "|" * bool(frames)


@pytest.mark.parametrize("ends", ["|_", "_|"], ids=["before", "after"])
def test_phrases_are_cut_in_the_middle_of_a_pause(ends: str) -> None:
    letters = said(SHORTEST).replace("|", "A")
    path = (letters + "_" * PAUSE + letters).replace("A_" if ends == "|_" else "_A", ends)

    assert phrase_spans(emission(path)) == [
        (0, SHORTEST + PAUSE // 2),
        (SHORTEST + PAUSE // 2, 2 * SHORTEST + PAUSE),
    ]


def test_a_long_silence_ends_a_word_that_does_not_end_otherwise() -> None:
    letters = said(SHORTEST).replace("|", "A")

    assert len(phrase_spans(emission(letters + "_" * BREAK + letters))) == 2


@pytest.mark.parametrize(
    "path",
    [
        said(SHORTEST) + "_" * (PAUSE - 1) + said(SHORTEST),
        said(SHORTEST).replace("|", "A") + "_" * (BREAK - 1) + said(SHORTEST),
        said(SHORTEST // 2) + "_" * PAUSE + said(SHORTEST),
        said(SHORTEST) + "_" * PAUSE + said(SHORTEST // 2),
        "",
    ],
    ids=["short pause", "drawn-out word", "short phrase before", "short phrase after", "empty"],
)
def test_path_is_not_cut(path: str) -> None:
    assert phrase_spans(emission(path)) == [(0, len(path))]


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 40)), max_size=12))
def test_phrases_cover_all_frames_and_none_is_too_short(turns: list[tuple[int, int]]) -> None:
    path = "".join(said(spoken) + "_" * silent for spoken, silent in turns)
    phrases = phrase_spans(emission(path))

    assert (phrases[0][0], phrases[-1][1]) == (0, len(path))
    assert all(left[1] == right[0] for left, right in pairwise(phrases))
    assert len(phrases) == 1 or min(stop - start for start, stop in phrases) >= SHORTEST

"""A stretch of a recording that corrected words are aligned with."""

from __future__ import annotations

import numpy as np
import pytest

from tests.doubles import make_recognition
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedWord, Alignment
from wav2vec2_app.speech.retiming import AudioStretch, cut_stretch, parse_stretch, retimed, shifted
from wav2vec2_app.speech.transcript import Recognition


def aligned(*words: tuple[str, float, float]) -> Alignment:
    return Alignment(tuple(AlignedWord(text, start, end, 0.5) for text, start, end in words), 0.5)


def times(texts: list[str], alignment: Alignment) -> list[tuple[float, float]]:
    found = retimed(texts, alignment, AudioStretch(0.0, 9.0))
    return [(one.start_s, one.end_s) for one in found]


def test_each_text_has_the_time_of_the_words_in_it() -> None:
    found = aligned(("1", 0.1, 0.2), ("000", 0.2, 0.4), ("cafés,", 0.5, 0.9), ("yes", 1.0, 1.2))

    assert times(["1 000", "cafés,", "yes"], found) == [(0.1, 0.4), (0.5, 0.9), (1.0, 1.2)]


def test_text_that_is_not_spoken_has_the_moment_between_its_neighbours() -> None:
    assert times(["a", "–", "b"], aligned(("a", 0.1, 0.2), ("b", 0.6, 0.7))) == [
        (0.1, 0.2), (0.2, 0.2), (0.6, 0.7),
    ]  # fmt: skip
    assert times(["–"], aligned()) == [(0.0, 0.0)]


def test_times_never_decrease() -> None:
    assert times(["a", "b"], aligned(("a", 0.5, 0.8), ("b", 0.6, 0.7))) == [(0.5, 0.8), (0.8, 0.8)]


def test_repeated_words_keep_their_order() -> None:
    found = aligned(("no", 0.1, 0.2), ("no", 0.3, 0.4), ("note", 0.5, 0.6))

    assert times(["no", "no", "note"], found) == [(0.1, 0.2), (0.3, 0.4), (0.5, 0.6)]


def test_stretch_is_cut_from_the_emission_and_times_are_those_of_the_recording() -> None:
    recognition = make_recognition()
    assert recognition.emission is not None
    frame_s = recognition.emission.frame_s

    emitted, offset_s = cut_stretch(recognition, AudioStretch(2 * frame_s, 5 * frame_s))

    assert np.array_equal(emitted.emission.log_probs, recognition.emission.log_probs[2:5])
    assert offset_s == pytest.approx(2 * frame_s)
    later = shifted(aligned(("a", 0.0, 0.02)), offset_s).words[0]
    assert (later.start_s, later.end_s) == pytest.approx((offset_s, offset_s + 0.02))
    assert cut_stretch(recognition, None) == (recognition.emitted, 0.0)


def test_stretch_of_a_channel_is_that_of_its_own_emission() -> None:
    one, other = make_recognition(), make_recognition()
    both = Recognition(one.transcript, None, (one, other))

    emitted, _ = cut_stretch(both, AudioStretch(0.0, 0.1, 2))

    assert other.emission is not None
    assert np.shares_memory(emitted.emission.log_probs, other.emission.log_probs)
    with pytest.raises(InputError, match="not a part"):
        cut_stretch(both, AudioStretch(0.0, 0.1, 3))
    with pytest.raises(InputError, match="channels"):
        cut_stretch(both, AudioStretch(0.0, 0.1))


@pytest.mark.parametrize(
    ("start", "end"),
    [("", ""), (None, None)],
)
def test_without_start_and_end_the_text_is_that_of_all(start: object, end: object) -> None:
    assert parse_stretch(start, end) is None


@pytest.mark.parametrize(
    "values",
    [(1, 1), (2, 1), (-1, 1), ("x", 1), (0, "inf"), (0, "nan"), (True, 2), (1, None), ([], 1),
     (0, 1, -1), (0, 1, 1.5), (0, 1, "x"), ({}, {})],
)  # fmt: skip
def test_unusable_stretch_is_a_typed_error(values: tuple[object, ...]) -> None:
    with pytest.raises(InputError) as caught:
        parse_stretch(*values)
    assert caught.value.code == "align.bad_part"
    assert caught.value.hint


def test_stretch_is_also_sent_as_text_and_from_the_beginning() -> None:
    assert parse_stretch("0.5", "2") == AudioStretch(0.5, 2.0)
    assert parse_stretch("", 2.0, 1) == AudioStretch(0.0, 2.0, 1)


def test_stretch_after_the_end_is_a_typed_error() -> None:
    with pytest.raises(InputError) as caught:
        cut_stretch(make_recognition(), AudioStretch(1000.0, 1001.0))
    assert caught.value.code == "align.bad_part"

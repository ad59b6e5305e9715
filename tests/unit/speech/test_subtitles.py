from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.subtitles import WrittenWord


def words(*spans: tuple[str, float, float]) -> list[WrittenWord]:
    return [WrittenWord(text, start, end) for text, start, end in spans]


def test_srt_numbers_its_cues_and_ends_them_at_pauses() -> None:
    spoken = words(("hello", 0.5, 0.9), ("there", 1.0, 1.4), ("again", 3661.25, 3661.5))

    assert subtitles.to_srt(spoken) == (
        "1\n00:00:00,500 --> 00:00:01,400\nhello there\n\n2\n01:01:01,250 --> 01:01:01,500\nagain\n"
    )


def test_vtt_escapes_markup() -> None:
    text = subtitles.to_vtt(words(("<b>&", 0.0, 1.0)))

    assert text == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n&lt;b&gt;&amp;\n"


@given(
    st.lists(
        st.tuples(
            st.text("word", min_size=1, max_size=30), st.floats(0.05, 2.0), st.floats(0, 2.0)
        ),
        max_size=100,
    )
)
def test_cues_have_all_words_and_are_short_in_time_and_text(
    turns: list[tuple[str, float, float]],
) -> None:
    now_s = 0.0
    spoken = []
    for text, length_s, gap_s in turns:
        spoken.append(WrittenWord(text, now_s, now_s + length_s))
        now_s += length_s + gap_s

    groups = subtitles.cues(spoken)

    assert [word for group in groups for word in group] == spoken
    for group in groups:
        assert group[-1].end - group[0].start <= subtitles.MAX_CUE_S
        assert len(" ".join(word.text for word in group)) <= subtitles.MAX_CUE_CHARACTERS
        gaps_s = [right.start - left.end for left, right in pairwise(group)]
        assert all(gap_s < subtitles.CUE_PAUSE_S for gap_s in gaps_s)


def test_written_words_keep_the_text_and_its_punctuation() -> None:
    text = "« Good\nmorning » — said she … twice !"
    spoken = ["Good", "morning", "said", "she", "twice"]
    aligned = words(*((word, float(number), number + 0.5) for number, word in enumerate(spoken)))

    written = subtitles.as_written(text, aligned)

    assert [word.text for word in written] == ["« Good", "morning » —", "said", "she …", "twice !"]
    assert [word.start for word in written] == [word.start for word in aligned]
    assert "« Good morning » — said she … twice !" in subtitles.to_srt(written)


def test_no_words_give_empty_subtitles() -> None:
    assert subtitles.to_srt([]) == ""
    assert subtitles.to_vtt([]) == "WEBVTT\n"

"""Words as SubRip and WebVTT subtitles."""

from dataclasses import replace

from tests.doubles import make_alignment
from tests.unit.server.test_schema import make_result
from wav2vec2_app.server import schema
from wav2vec2_app.speech import subtitles


def timed(*words: tuple[str, float, float]) -> list[schema.WordJson]:
    return [schema.WordJson(text=t, start=s, end=e, confidence=0.9) for t, s, e in words]


def test_srt_numbers_its_cues_and_ends_them_at_pauses() -> None:
    words = timed(("hello", 0.5, 0.9), ("there", 1.0, 1.4), ("again", 3661.25, 3661.5))

    assert subtitles.to_srt(words) == (
        "1\n00:00:00,500 --> 00:00:01,400\nhello there\n\n2\n01:01:01,250 --> 01:01:01,500\nagain\n"
    )


def test_vtt_escapes_markup() -> None:
    text = subtitles.to_vtt(timed(("<b>&", 0.0, 1.0)))

    assert text == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n&lt;b&gt;&amp;\n"


def test_cues_are_short_in_time_and_text() -> None:
    words = timed(*((f"word{i:03}", i * 0.4, i * 0.4 + 0.3) for i in range(100)))

    groups = subtitles.cues(words)

    assert [word for group in groups for word in group] == words
    for group in groups:
        assert group[-1].end - group[0].start <= subtitles.LONGEST_S
        assert len(" ".join(word.text for word in group)) <= subtitles.CHARACTERS


def test_given_text_keeps_its_spelling_and_punctuation() -> None:
    text = "« Good\nmorning » — said she … twice !"
    found = make_alignment("Good morning said she twice")
    answer = schema.alignment(replace(make_result(), alignment=found), text)

    written = subtitles.as_written(answer.text, answer.words)

    assert [word.text for word in written] == ["« Good", "morning » —", "said", "she …", "twice !"]
    assert [word.start for word in written] == [word.start for word in answer.words]
    assert "« Good morning » — said she … twice !" in subtitles.to_srt(written)


def test_no_words_make_empty_subtitles() -> None:
    assert subtitles.to_srt([]) == ""
    assert subtitles.to_vtt([]) == "WEBVTT\n"

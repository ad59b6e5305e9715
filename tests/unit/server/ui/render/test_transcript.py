import re
from dataclasses import replace
from html import unescape

import pytest

from tests.doubles import make_audio, make_model_info, make_recognition
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.server.ui.render import cards, export, transcript
from wav2vec2_app.speech.spelling import sentence_case
from wav2vec2_app.speech.transcript import Transcript, Word

EVIL = '<img src=x onerror="alert(1)">&"\''


def make_transcript(*confidences: float, text: str = "word") -> Transcript:
    words = tuple(Word(text, i * 0.5, i * 0.5 + 0.4, c) for i, c in enumerate(confidences))
    transcript = make_recognition("x").transcript
    return replace(transcript, text=" ".join(word.text for word in words), words=words)


def page(words: Transcript, audio_url: str = "", **of_emission: object) -> str:
    known = make_recognition("x")
    emission = replace(known.emission, **of_emission)
    return transcript.words(replace(known, transcript=words, emission=emission), audio_url)


def make_result(words: Transcript | None = None) -> AudioResult:
    recognition = replace(make_recognition("x"), transcript=words or make_transcript(0.9, 0.9))
    return AudioResult("id-1", make_audio(2.0), (), recognition, real_time_factor=0.1)


# --- transcript ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confidence", "level"),
    [(1.0, "high"), (0.8, "high"), (0.79, "fair"), (0.5, "fair"), (0.49, "low"), (0.0, "low")],
)
def test_words_carry_level_time_and_confidence(confidence: float, level: str) -> None:
    html = page(make_transcript(confidence))

    assert f'data-level="{level}" data-start="0.000" data-end="0.400"' in html


def test_legend_counts_the_words_of_each_level() -> None:
    html = page(make_transcript(0.9, 0.9, 0.6, 0.1))

    legend = html[html.index("w-legend") :]
    assert re.findall(r"<b>(\d+)</b>", legend)[:3] == ["2", "1", "1"]
    assert "80 % and more" in legend
    assert "50 to 80 %" in legend
    assert "below 50 %" in legend


def test_everything_from_outside_is_escaped() -> None:
    words = replace(
        make_transcript(0.9, text=EVIL),
        model=replace(make_model_info(EVIL), note=EVIL, device=EVIL),
    )
    pages = [
        page(words, EVIL),
        transcript.word_table(words.words),
        export.transcript(make_result(words)),
        cards.error_card(InputError(EVIL, hint=EVIL, code=EVIL), EVIL),
    ]

    for html in pages:
        assert "<img" not in html
        assert 'onerror="' not in html
        assert "alert(1)" in html


def test_silence_is_explained() -> None:
    words = replace(make_transcript(), reason="silence")

    assert "No speech found" in page(words)
    assert "No words were recognised" in page(replace(words, reason="other"))


def test_embedded_model_has_a_note() -> None:
    words = make_transcript(0.9)
    cached = replace(words, model=replace(words.model, source="cache"))

    assert "small model that is included" in transcript.transcribed_by(words)
    assert "small model" not in transcript.transcribed_by(cached)


def test_note_of_the_model_replaces_ours() -> None:
    words = make_transcript(0.9)
    noted = replace(words, model=replace(words.model, note="The hub is offline."))

    assert "The hub is offline." in transcript.transcribed_by(noted)
    assert "is included" not in transcript.transcribed_by(noted)


def test_note_of_the_decoder_is_shown_too() -> None:
    words = replace(make_transcript(0.9), note="There is no beam <here>.", decoder="greedy")

    html = transcript.transcribed_by(words)

    assert "There is no beam &lt;here&gt;." in html
    assert "greedy decoding" in html


def test_meaning_of_confidence_is_explained() -> None:
    words = make_transcript(0.9)

    assert "not calibrated" in page(words)
    assert "8 in 10 are correct" in page(words, calibration={"version": 1})
    assert "8 in 10" not in page(words)


# --- the rest -----------------------------------------------------------------------------------


def test_downloads_are_there_when_the_words_are() -> None:
    before, after = export.transcript(None), export.transcript(make_result())

    assert before.count("disabled") == 5
    assert "disabled" not in after
    assert '"request_id": "id-1"' in unescape(after)
    assert "WEBVTT" in after
    assert "-->" in unescape(after)


def test_nothing_can_be_exported_without_words() -> None:
    assert export.transcript(make_result(make_transcript())).count("disabled") == 5


def test_table_has_a_row_a_word() -> None:
    html = transcript.word_table(make_transcript(0.934, 0.2).words)

    assert html.count("<tr") == 3
    assert "<td>0.50 s</td>" in html
    assert "93 %" in html


def test_table_without_words() -> None:
    assert "Every word" in transcript.word_table(None)
    assert "No words" in transcript.word_table(())


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        (["THE", "CAT", "SAT"], ["The", "cat", "sat"]),
        (["WHEN", "I", "SAW", "I'M", "IT'S"], ["When", "I", "saw", "I'm", "it's"]),
        (["I", "AM"], ["I", "am"]),
        (["'TIS", "I’LL"], ["'Tis", "I’ll"]),
        (["the", "Cat"], ["the", "Cat"]),
        (["Été", "À"], ["Été", "À"]),
        ([], []),
    ],
)
def test_capital_letters_become_sentence_case(spelled: list[str], expected: list[str]) -> None:
    assert sentence_case(spelled) == expected

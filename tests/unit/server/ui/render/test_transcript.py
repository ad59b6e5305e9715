import json
import re
from base64 import b64decode
from dataclasses import replace
from html import unescape

import pytest

from tests.doubles import make_audio, make_model_info, make_recognition
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import cards, data, export, transcript
from wav2vec2_app.server.ui.render.previews import RecentWords
from wav2vec2_app.speech.exports import EXPORT_FORMATS, ExportedFile
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


def rows_of(html: str) -> list[list[object]]:
    """The words as the scripts read them."""
    (data,) = re.findall(r'<div class="w-data"[^>]*>(.*?)</div>', html)
    rows: list[list[object]] = json.loads(unescape(data))
    return rows


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

    assert rows_of(html) == [["word", 0.0, 0.4, confidence]]
    counted = re.findall(r'<b>(\d)</b> <span class="w-word" data-level="(\w+)"', html)
    assert ("1", level) in counted


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

    assert before.count("disabled") == 1 + len(EXPORT_FORMATS)
    assert "disabled" not in after
    assert b'"request_id": "id-1"' in export.transcript_file(make_result(), "json").content
    assert export.transcript_file(make_result(), "vtt").content.startswith(b"WEBVTT")
    assert b"-->" in export.transcript_file(make_result(), "srt").content


def test_key_of_data_differs_where_the_data_does() -> None:
    def key(html: str) -> str:
        (found,) = re.findall(r'^<div class="w-data" hidden="" data-key="(\d+)"', html)
        return str(found)

    assert key(data.hidden("a", first=1)) == key(data.hidden("a", first=2))
    assert key(data.hidden("a")) != key(data.hidden("b"))


def test_file_arrives_in_the_page_unchanged_whatever_is_in_it() -> None:
    html = export.fetched(EVIL, ExportedFile("a.txt", "text/plain", EVIL.encode()))

    found = re.fullmatch(
        r'<div [^<>]* data-request="([^"<>]*)" data-type="text/plain">([^<>]*)</div>', html
    )
    assert found is not None
    assert [unescape(one) for one in found.groups()] == [EVIL, EVIL]


@pytest.mark.parametrize("content", [b"PK\x03\x04\xff", b"start,end\r\n"])
def test_file_that_html_would_change_arrives_as_base64(content: bytes) -> None:
    kind = "application/zip" if content.startswith(b"PK") else "text/csv"
    html = export.fetched("a 1", ExportedFile("a", kind, content))

    found = re.fullmatch(r'<div [^<>]* data-base64="">([^<>]*)</div>', html)
    assert found is not None
    assert b64decode(found[1]) == content


def test_nothing_can_be_exported_without_words() -> None:
    assert export.transcript(make_result(make_transcript())).count("disabled") == 1 + len(
        EXPORT_FORMATS
    )


def test_table_is_filled_by_the_scripts() -> None:
    html = transcript.word_table()

    assert html.count("<th scope") == len(texts.WORD_COLUMNS)
    assert "<tbody></tbody>" in html


def test_words_of_hours_are_data_and_not_attributes() -> None:
    words = make_transcript(*[0.9] * 20_000)

    html = page(words)

    assert len(rows_of(html)) == 20_000
    assert html.count("<") < 100
    assert max(map(len, re.findall(r'="([^"]*)"', html))) < 200


def test_rows_have_sentence_case_and_the_channel() -> None:
    words = replace(
        make_transcript(),
        words=(Word("HELLO", 0.0, 0.4, 0.91239, 1), Word("THERE", 0.5, 0.9, 0.5, 2)),
    )

    assert rows_of(page(words)) == [["Hello", 0.0, 0.4, 0.912, 1], ["there", 0.5, 0.9, 0.5, 2]]


@pytest.mark.parametrize(
    ("confidences", "source", "said"),
    [
        ((0.9, 0.4), "embedded", True),
        ((0.9, 0.9, 0.4), "embedded", False),
        ((0.4, 0.4), "cache", False),
    ],
)
def test_struggling_built_in_model_is_explained(
    confidences: tuple[float, ...], source: str, said: bool
) -> None:
    words = make_transcript(*confidences)
    html = page(replace(words, model=replace(words.model, source=source)))

    assert (texts.MANY_UNCERTAIN in html) == said


def test_earlier_result_says_whose_it_is() -> None:
    recognition = replace(make_recognition("x"), transcript=make_transcript(0.9))

    html = transcript.earlier(recognition, "gradio_api/file=/a.wav", "<a>.wav")

    assert "Earlier result: &lt;a&gt;.wav" in html
    assert len(rows_of(html)) == 1


def preview_of(update: dict[str, str]) -> tuple[int, list[str]]:
    """The number of the first group of words in an update, and the words."""
    [first] = re.findall(r'data-first="(\d+)"', update["preview"])
    return int(first), [row[0] for part in rows_of(update["preview"]) for row in part]


def spoken(*numbers: int) -> list[tuple[Word]]:
    return [(Word(f"WORD{n}", n, n + 0.5, 0.9),) for n in numbers]


def test_previews_continue_and_repeat_the_recent_ones() -> None:
    previews = RecentWords()

    updates = [previews.add(part, at_s=number) for number, part in enumerate(spoken(*range(10)))]

    assert preview_of(updates[0]) == (0, ["Word0"])
    assert preview_of(updates[9]) == (2, [f"word{n}" for n in range(2, 10)])


def test_previews_that_come_at_once_are_one_update() -> None:
    previews = RecentWords()
    parts = spoken(*range(40))

    updates = [previews.add(part, at_s=0.01 * number) for number, part in enumerate(parts)]

    assert [number for number, update in enumerate(updates) if update] == [0, 25]
    assert preview_of(updates[25]) == (0, ["Word0", *(f"word{n}" for n in range(1, 26))])
    assert preview_of(previews.rest()) == (0, ["Word0", *(f"word{n}" for n in range(1, 40))])
    assert previews.rest() == {}


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

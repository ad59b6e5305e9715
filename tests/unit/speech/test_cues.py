"""Cues of subtitles: limits of time, lines and characters, for every script, here and in the page."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.ui.page import subtitles_script
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.cues import WrittenWord, cues
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.signs import width
from wav2vec2_app.speech.spelling import sentence_case

LETTERS = {
    "latin": "abcxyz",
    "han": "今日東京大阪",
    "kana": "ひらがなカタカナー",
    "punctuated": "今日は、「東京」。",
    "hangul": "한국어말",
    "devanagari": "हिन्दी",
    "mixed": "a今é日bカ",
}
SCRIPTS = sorted(LETTERS)


def spoken(
    *texts: str, start: float = 0.0, length_s: float = 0.3, gap_s: float = 0.1
) -> list[WrittenWord]:
    return [
        WrittenWord(text, start + n * (length_s + gap_s), start + n * (length_s + gap_s) + length_s)
        for n, text in enumerate(texts)
    ]


def turns(script: str) -> st.SearchStrategy[list[WrittenWord]]:
    """Words of a script with all kinds of lengths and gaps: none, tiny, and overlaps."""
    word = st.tuples(
        st.text(LETTERS[script], min_size=1, max_size=60),
        st.sampled_from([0.0, 0.02, 0.06, 0.4, 2.0, 12.0]),
        st.sampled_from([0.0, 0.0, 0.1, 0.79, 0.8, 3.0, -0.1]),
    )

    def placed(drawn: Sequence[tuple[str, float, float]]) -> list[WrittenWord]:
        now_s, found = 0.0, []
        for text, length_s, gap_s in drawn:
            found.append(WrittenWord(text, now_s, now_s + length_s))
            now_s = max(now_s, now_s + length_s + gap_s)
        return found

    return st.lists(word, max_size=40).map(placed)


OPTIONS = st.builds(
    ExportOptions,
    line_characters=st.integers(10, 80),
    max_lines=st.integers(1, 3),
    characters_per_s=st.sampled_from([5.0, 17.0, 30.0]),
    min_cue_s=st.sampled_from([0.2, 1.0, 2.0]),
    max_cue_s=st.sampled_from([2.0, 6.0]),
)


def written(words: Sequence[WrittenWord]) -> str:
    return "".join(word.text for word in words)


@pytest.mark.parametrize("script", SCRIPTS)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_every_cue_is_within_the_limits_and_no_sign_is_lost(
    script: str, data: st.DataObject
) -> None:
    words, options = data.draw(turns(script)), data.draw(OPTIONS)

    found = cues(words, options)

    assert "".join(line for cue in found for line in cue.lines).replace(" ", "") == written(words)
    for cue in found:
        assert len(cue.lines) <= options.max_lines
        assert all(width(line) <= options.line_characters for line in cue.lines)
        assert cue.end > cue.start
        assert cue.end - cue.start <= options.max_cue_s + 1e-9
    for cue, following in pairwise(found):
        assert cue.end <= following.start
        readable_s = max(options.min_cue_s, sum(map(width, cue.lines)) / options.characters_per_s)
        stays_s = cue.end - cue.start + 1e-9
        assert stays_s >= min(readable_s, options.max_cue_s) or cue.end == following.start


@pytest.mark.parametrize("length_s", [0.0, 0.02, 0.06, 0.5])
def test_short_word_is_displayed_for_a_second(length_s: float) -> None:
    [cue] = cues(spoken("yes", start=4.0, length_s=length_s))

    assert (cue.start, cue.end) == (4.0, 5.0)


def test_short_cue_ends_where_the_next_one_begins() -> None:
    words = [WrittenWord("yes", 0.0, 0.06, cue=0), WrittenWord("no", 0.4, 0.5, cue=1)]

    assert [(cue.start, cue.end) for cue in cues(words)] == [(0.0, 0.4), (0.4, 1.4)]


def test_cues_of_words_without_time_have_times_in_order() -> None:
    words = [WrittenWord(str(number), 2.0, 2.0, cue=number) for number in range(5)]

    found = cues(words)

    assert all(cue.end > cue.start for cue in found)
    assert all(cue.end <= following.start for cue, following in pairwise(found))


def test_long_text_stays_as_long_as_it_takes_to_read_it() -> None:
    [cue] = cues(spoken(*["wonderful"] * 8, length_s=0.01, gap_s=0.01))

    assert cue.end - cue.start == pytest.approx(79 / 17)


def test_two_lines_have_about_the_same_length() -> None:
    [cue] = cues(spoken(*["words"] * 9, length_s=0.1))

    assert cue.lines == ("words words words words words", "words words words words")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("今日は" * 6, ("今日は" * 6,)),
        ("東" * 22, ("東" * 11, "東" * 11)),
        ("かな" * 21, ("かな" * 10 + "か", "な" + "かな" * 10)),
        ("한국어", ("한국어",)),
    ],
)
def test_wide_signs_count_two_columns(text: str, lines: tuple[str, ...]) -> None:
    assert cues(spoken(text, length_s=4.0))[0].lines == lines


def test_han_and_kana_have_no_blanks_between_words_and_latin_has() -> None:
    [cue] = cues(spoken("今日", "は", "Python", "の", "勉強", "です"))

    assert cue.lines == ("今日は Python の勉強です",)


def test_hangul_keeps_its_blanks() -> None:
    assert cues(spoken("안녕", "세상"))[0].lines == ("안녕 세상",)


def test_line_never_begins_with_a_closing_sign_nor_ends_with_an_opening_one() -> None:
    text = "今日は「東京」、明日は「大阪」。" * 12

    lines = [line for cue in cues(spoken(text, length_s=30.0)) for line in cue.lines]

    assert all(line[0] not in "、。」" and line[-1] != "「" for line in lines)


def test_word_without_blanks_is_divided_in_time_as_in_text() -> None:
    found = cues(spoken("東" * 84, length_s=8.0))

    assert [cue.spoken for cue in found] == [(0.0, 4.0), (4.0, 8.0)]


def test_letters_and_their_marks_stay_together() -> None:
    found = cues(spoken("e\u0301" * 100, length_s=3.0), ExportOptions(line_characters=10))

    assert all(not line.startswith("\u0301") for cue in found for line in cue.lines)


# --- live captions ------------------------------------------------------------------------------

NODE = shutil.which("node") or str(
    Path(__import__("playwright").__file__).parent / "driver" / "node"
)


def write_in_script(
    jobs: Sequence[tuple[str, list[list[WrittenWord]], ExportOptions]],
) -> list[str]:
    """What ``assets/ui/subtitles.js`` writes."""
    given_jobs = [
        [kind, [[asdict(word) for word in words] for words in captions], asdict(options)]
        for kind, captions, options in jobs
    ]
    program = (
        f"const {{ write }} = {subtitles_script(assets_path() / 'ui')};"
        'const jobs = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
        "console.log(JSON.stringify(jobs.map((job) => write(...job))));"
    )
    done = subprocess.run(
        [NODE, "-e", program],
        input=json.dumps(given_jobs),
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return json.loads(done.stdout)


def numbered(captions: Sequence[Sequence[WrittenWord]]) -> list[WrittenWord]:
    """The words of several lines of captions; a cue never has words of two."""
    return [
        WrittenWord(word.text, word.start, word.end, cue=line)
        for line, words in enumerate(captions)
        for word in words
    ]


@given(st.lists(st.tuples(st.lists(st.sampled_from(SCRIPTS).flatmap(turns), max_size=3), OPTIONS),
                min_size=20, max_size=20))  # fmt: skip
def write_examples(jobs: list[tuple[list[list[WrittenWord]], ExportOptions]]) -> None:
    given_jobs = [("srt", captions, options) for captions, options in jobs]
    expected = [subtitles.to_srt(numbered(captions), options) for captions, options in jobs]

    assert write_in_script(given_jobs) == expected


def test_live_captions_are_written_by_the_same_rules() -> None:
    checks = list(HealthCheck)
    settings(max_examples=3, deadline=None, suppress_health_check=checks)(write_examples)()


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt"])
@pytest.mark.parametrize(
    "texts",
    [["HELLO", "THERE", "I'M", "I"], ["'TIS", "ÉTÉ"], ["Hello", "THERE"], ["東京"], ["A", "I’LL"]],
)
def test_live_captions_have_the_letter_case_of_the_page(kind: str, texts: list[str]) -> None:
    captions = [spoken(*texts)]

    sentence, raw = write_in_script(
        [(kind, captions, DEFAULT_EXPORT), (kind, captions, ExportOptions(letter_case="raw"))]
    )

    assert " ".join(sentence_case(texts)) in sentence
    assert " ".join(texts) in raw

"""The lint of words: what it finds, where, and what its allow-list lets pass."""

from pathlib import Path

import pytest

from tools import lint_words
from tools.lint_words import Allowed, Finding, findings_of, not_allowed, stale


def phrases(path: Path, text: str) -> list[tuple[int, str]]:
    path.write_text(text, "utf-8")
    return sorted((one.line, one.phrase) for one in findings_of(path, path.parent))


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("What the model hears of it.", "hears"),
        ("It is refused at once.", "at once"),
        ("Words that stand never change.", "Words that stand"),
        ("The value is no number.", "is no number"),
        ("Served from what is kept.", "what is kept"),
        ("The page's process starts it.", "The page's process"),
        ("Download the captions (SRT).", "captions"),
    ],
)
def test_a_planted_phrase_is_found_in_a_document(tmp_path: Path, text: str, phrase: str) -> None:
    assert (3, phrase) in phrases(tmp_path / "page.md", f"# Title\n\n{text}\n")


@pytest.mark.parametrize(
    "text",
    [
        "There is no file of this name, and the port is no longer used.",
        "Live captions are sent over a WebSocket. Subtitles are SRT or VTT.",
        "The whole recording is decoded again; it takes 3 s.",
        "The server listens on a port and reads the header.",
        "Committed words never change.",
    ],
)
def test_plain_language_passes(tmp_path: Path, text: str) -> None:
    assert phrases(tmp_path / "page.md", text) == []


def test_a_phrase_is_found_where_the_line_is_wrapped(tmp_path: Path) -> None:
    assert phrases(tmp_path / "page.md", "It is answered at\nonce.") == [(1, "at once")]
    comment = "x = 1\n# It is answered at\n# once.\n"
    assert phrases(tmp_path / "code.py", comment) == [(2, "at once")]


def test_docstrings_comments_messages_and_names_are_checked_in_python(tmp_path: Path) -> None:
    source = '''"""What is heard."""


def told_of(value: str) -> str:  # nobody calls it
    message = f"{value} is no number"
    return ("reads " "anew") + message
'''

    assert phrases(tmp_path / "code.py", source) == [
        (1, "heard"),
        (4, "nobody"),
        (4, "told_of"),
        (5, "is no number"),
        (6, "anew"),
        (6, "reads anew"),
    ]


def test_names_are_compared_by_their_parts(tmp_path: Path) -> None:
    source = "class HeardWords: ...\n\n\nshear = spared = StreamReader = 1\n"

    assert phrases(tmp_path / "code.py", source) == [(1, "HeardWords")]


def test_long_lines_of_text_are_found_and_tables_and_code_may_be_long(tmp_path: Path) -> None:
    long = "word " * 30
    text = f"{long}\n\n| {long} |\n\n```sh\n{long}\n```\n"

    assert [line for line, _ in phrases(tmp_path / "page.md", text)] == [1]


def test_the_allow_list_covers_a_phrase_in_its_file_and_nothing_else() -> None:
    allowed = [Allowed("docs/*.md", "at once", "a quotation")]
    here = Finding("docs/page.md", 1, "At once", "")
    elsewhere = Finding("README.md", 1, "at once", "")
    other = Finding("docs/page.md", 1, "anew", "")

    assert not_allowed([here, elsewhere, other], allowed) == [elsewhere, other]


def test_an_entry_that_allows_nothing_and_a_long_list_are_findings() -> None:
    allowed = [Allowed("docs/*.md", "at once", "a quotation")]

    assert stale([Finding("docs/page.md", 1, "at once", "")], allowed) == []
    assert len(stale([], allowed)) == 1
    assert len(stale([], allowed * (lint_words.MOST_ALLOWED + 1))) == lint_words.MOST_ALLOWED + 2

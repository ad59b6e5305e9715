"""The export options, in one table: how a transcript is written to text and subtitles.

Each field of :class:`ExportOptions` is a row of :data:`EXPORT_OPTIONS`. The inputs of the page, form fields,
command line options, OpenAPI and the table in ``docs/api.md`` are made from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.options import Choice, Option, Value, bad_number, parse_number, row
from wav2vec2_app.speech.replacement_rules import parse_rules

BAD_VALUE: Final = "export.bad_value"
"""Code of the error that an export option has a value it cannot have."""
MAX_REPLACEMENTS_CHARACTERS: Final = 200_000
"""Longest list of replacements as text; longer ones are rejected before they are split."""


@dataclass(frozen=True)
class ExportOptions:
    """How text and subtitles are written. The widths count Han, Kana and Hangul as two characters."""

    letter_case: str = row(
        "sentence",
        "Letter case",
        "For models that spell in capital letters only. Raw: as the model spells.",
        choices=(Choice("sentence", "Sentence case"), Choice("raw", "Raw")),
    )
    punctuation: str = row(
        "auto",
        "Punctuation",
        "Automatic: full stops, commas, question marks and the capitals of names in English of models that "
        "write none; not in raw text.",
        choices=(Choice("auto", "Automatic"), Choice("off", "Off")),
    )
    replacements: tuple[str, ...] = row(
        (),
        "Replacements",
        "One rule per line: “X = Y” writes Y wherever the model writes the words X, in any letter case. "
        "Nothing after the equals sign removes them.",
        lines=True,
    )
    fillers: str = row(
        "keep",
        "Filler words",
        "“um”, “uh” and the like, in the language of the model.",
        choices=(Choice("keep", "Keep"), Choice("remove", "Remove")),
    )
    numbers: str = row(
        "words",
        "Numbers",
        "Digits: “twenty one” becomes 21, “ten percent” 10%, “nineteen eighty four” 1984; in English only.",
        choices=(Choice("words", "As spoken"), Choice("digits", "Digits")),
    )
    line_characters: int = row(
        42,
        "Characters per line",
        "Longest line of a subtitle.",
        low=10,
        high=200,
        step=1,
        unit="characters",
    )
    max_lines: int = row(
        2, "Lines", "Most lines of a subtitle.", low=1, high=5, step=1, unit="lines"
    )
    characters_per_s: float = row(
        17.0,
        "Reading speed",
        "A subtitle stays at least as long as it takes to read it at this speed, or until the next one.",
        low=5,
        high=100,
        step=1,
        unit="characters per second",
    )
    min_cue_s: float = row(
        1.0,
        "Shortest time",
        "A subtitle stays at least this long, or until the next one.",
        low=0.2,
        high=2,
        step=0.1,
        unit="seconds",
    )
    max_cue_s: float = row(
        6.0,
        "Longest time",
        "Longest time that one subtitle is displayed.",
        low=2,
        high=30,
        step=0.5,
        unit="seconds",
    )
    pause_s: float = row(
        0.8,
        "Pause",
        "Silence between two words from which they are in different subtitles.",
        low=0.1,
        high=10,
        step=0.1,
        unit="seconds",
    )
    highlight: str = row(
        "off",
        "Highlight",
        "Karaoke: players that show ASS subtitles highlight each word while it is spoken.",
        choices=(Choice("off", "Off"), Choice("karaoke", "Karaoke")),
    )

    @property
    def rewrites(self) -> bool:
        """Whether words are replaced, removed or joined."""
        return bool(self.replacements) or self.fillers == "remove" or self.numbers == "digits"


DEFAULT_EXPORT: Final = ExportOptions()

EXPORT_OPTIONS: Final[tuple[Option, ...]] = tuple(
    replace(column.metadata["row"], name=column.name) for column in fields(ExportOptions)
)
"""The table, in the order of the fields."""
EXPORT_OPTION: Final[Mapping[str, Option]] = {option.name: option for option in EXPORT_OPTIONS}
WRITING_OPTIONS: Final = tuple(
    EXPORT_OPTION[name]
    for name in ("letter_case", "punctuation", "replacements", "fillers", "numbers")
)
"""Those that change the words; the others are about subtitles."""


def parse_export(*in_order: object, **named: object) -> ExportOptions:
    """Options as a form, JSON or a component sends them, by position or by name.

    ``None`` and ``""`` are the defaults, as are options that are left out. Numbers may be text.

    Raises:
        InputError: ``export.bad_value``.
        TypeError: there is no option of that name, or there are more values than options.
    """
    if len(in_order) > len(EXPORT_OPTIONS):
        raise TypeError(f"{len(in_order)} values for {len(EXPORT_OPTIONS)} options")
    pairs = zip(EXPORT_OPTIONS, in_order, strict=False)
    values = {option.name: value for option, value in pairs} | named
    if unknown := values.keys() - EXPORT_OPTION.keys():
        raise TypeError(f"unknown export options: {', '.join(sorted(unknown))}")
    parsed: dict[str, Any] = {
        name: _parsed(EXPORT_OPTION[name], value)
        for name, value in values.items()
        if value is not None and value != ""
    }
    return ExportOptions(**parsed)


def _parsed(option: Option, value: object) -> Value:
    if option.type == "lines":
        return tuple(f"{' '.join(rule.words)} = {rule.text}" for rule in parse_rules(_lines(value)))
    if option.type == "choice":
        return _parsed_choice(option, str(value).strip().lower())
    number = parse_number(option, value, BAD_VALUE)
    if not option.low <= number <= option.high:
        raise bad_number(option, value, "out of range", BAD_VALUE)
    return number


def _parsed_choice(option: Option, value: str) -> str:
    if value not in option.values:
        raise InputError(
            f"Unknown {option.name} “{value[:40]}”.",
            code="export.bad_value",
            hint=f"Use one of: {', '.join(option.values)}.",
            metadata={"field": option.name, "allowed": list(option.values)},
        )
    return value


def _lines(value: object) -> list[str]:
    """The items of a list option: lines, also separated by semicolons, or a list of such texts."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise InputError(
            "The replacements are neither text nor a list of texts.",
            code=BAD_VALUE,
            hint="Send one rule per line, “X = Y”.",
            metadata={"field": "replacements"},
        )
    if sum(map(len, given)) > MAX_REPLACEMENTS_CHARACTERS:
        raise InputError(
            f"The replacements have more than {MAX_REPLACEMENTS_CHARACTERS} characters.",
            code=BAD_VALUE,
            hint="Send fewer rules.",
            metadata={"field": "replacements"},
        )
    return [line for text in given for line in re.split(r"[;\r\n]", text) if line.strip()]

"""The export options, in one table: how a transcript is written to text and subtitles.

Each field of :class:`ExportOptions` is a row of :data:`EXPORT_OPTIONS`. The inputs of the page, form fields,
command line options, OpenAPI and the table in ``docs/api.md`` are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.options import Choice, Option, bad_number, parse_number, row

BAD_VALUE: Final = "export.bad_value"
"""Code of the error that an export option has a value it cannot have."""


@dataclass(frozen=True)
class ExportOptions:
    """How text and subtitles are written. The widths count Han, Kana and Hangul as two characters."""

    letter_case: str = row(
        "sentence",
        "Letter case",
        "For models that spell in capital letters only. Raw: as the model spells.",
        choices=(Choice("sentence", "Sentence case"), Choice("raw", "Raw")),
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


DEFAULT_EXPORT: Final = ExportOptions()

EXPORT_OPTIONS: Final[tuple[Option, ...]] = tuple(
    replace(column.metadata["row"], name=column.name) for column in fields(ExportOptions)
)
"""The table, in the order of the fields."""
EXPORT_OPTION: Final[Mapping[str, Option]] = {option.name: option for option in EXPORT_OPTIONS}


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


def _parsed(option: Option, value: object) -> str | int | float:
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

"""The decoding options: one table, from which every interface is made, and the checks of their values.

Each field of :class:`DecodingOptions` is a row of the table :data:`OPTIONS`. Form checks, JSON schema,
OpenAPI, Gradio endpoints and sliders, command line options, live messages, the worker's own check and the
table in ``docs/api.md`` are made from it. To add an option, add a field here and use it in
``worker/model/decoding.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, NamedTuple, TypeVar

from wav2vec2_app.errors import InputError

MAX_HOTWORDS: Final = 1000
MAX_HOTWORD_CHARACTERS: Final = 50
MAX_HOTWORDS_CHARACTERS: Final = 200_000
"""Longest list of hotwords as text; longer ones are rejected before they are split."""
MAX_TEXT_CHARACTERS: Final = 100_000
"""Longest text to align; more than is spoken in the longest recording."""

OptionType = Literal["choice", "integer", "number", "words", "lines"]
Value = str | int | float | tuple[str, ...]
T = TypeVar("T", str, int, float, tuple[str, ...])


class Choice(NamedTuple):
    """A value of an option of type ``choice``, and its label on the page."""

    value: str
    label: str


@dataclass(frozen=True)
class Option:
    """One row of the table.

    Attributes:
        name: in code, JSON, forms and (with ``-`` for ``_``) on the command line.
        default: also determines the option's type.
        label: on the page, sentence case.
        help: one or two sentences, plain text.
        low, high: bounds of a number, both included.
        step: of a slider.
        unit: of a number; empty if it has none.
        choices: of an option of type ``choice``.
        applies_to: the decoder that uses the option, or whether only hotwords do.
        lines: a list has one item per line, so that items may contain commas.
    """

    name: str
    default: Value
    label: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    step: float = 1.0
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    applies_to: Literal["all", "beam", "hotwords"] = "all"
    lines: bool = False

    @property
    def type(self) -> OptionType:
        """What values the option takes."""
        if isinstance(self.default, str):
            return "choice"
        if isinstance(self.default, tuple):
            return "lines" if self.lines else "words"
        return "integer" if isinstance(self.default, int) else "number"

    @property
    def is_number(self) -> bool:
        """Whether the option has bounds and a step."""
        return self.type in ("integer", "number")

    @property
    def is_list(self) -> bool:
        """Whether the option is a list of texts, which forms and inputs have as one text."""
        return self.type in ("words", "lines")

    @property
    def values(self) -> tuple[str, ...]:
        """The values of an option of type ``choice``."""
        return tuple(choice.value for choice in self.choices)

    def json_schema(self) -> dict[str, object]:
        """JSON schema of the option as a form field or an argument; lists are text there."""
        base: dict[str, object] = {"title": self.label, "description": self.help}
        if self.type == "choice":
            return {**base, "type": "string", "enum": list(self.values), "default": self.default}
        if self.is_list:
            return {**base, "type": "string", "default": ""}
        bounds = {"minimum": self.low, "maximum": self.high}
        return {**base, "type": self.type, **bounds, "default": self.default}


def row(
    default: T,
    label: str,
    help: str,  # noqa: A002 - the name that argparse, typer and click use
    *,
    low: float = -math.inf,
    high: float = math.inf,
    step: float = 1.0,
    unit: str = "",
    choices: tuple[Choice, ...] = (),
    applies_to: Literal["all", "beam", "hotwords"] = "all",
    lines: bool = False,
) -> T:
    """A field whose metadata is a row; the row's name is that of the field."""
    row = Option("", default, label, help, low, high, step, unit, choices, applies_to, lines)
    described = {"title": label, "description": help}  # as pydantic reads them
    bounds = {"ge": low, "le": high} if row.is_number else {}
    return field(default=default, metadata={"row": row, **described, **bounds})


@dataclass(frozen=True)
class DecodingOptions:
    """How an emission is decoded. The order of the fields is that of arguments and of the page."""

    decoder: str = row(
        "auto",
        "Decoder",
        "Greedy: the most probable character of each frame. Beam: words of a lexicon, weighted by a language "
        "model. Automatic: beam for the embedded model and when there are hotwords, otherwise greedy.",
        choices=(Choice("auto", "Automatic"), Choice("greedy", "Greedy"), Choice("beam", "Beam")),
    )
    beam_width: int = row(
        300,
        "Beam width",
        "Hypotheses in the beam. A wider beam is slower and sometimes more accurate.",
        low=1,
        high=500,
        step=1,
        unit="hypotheses",
        applies_to="beam",
    )
    lm_weight: float = row(
        3.0,
        "Language model weight",
        "Factor of the language model's log10 probability. 0 disables the language model.",
        low=0,
        high=10,
        step=0.1,
        applies_to="beam",
    )
    word_score: float = row(
        -1.0,
        "Word score",
        "Added to a hypothesis for each word. Values above 0 favour more and shorter words.",
        low=-10,
        high=10,
        step=0.1,
        unit="natural log",
        applies_to="beam",
    )
    hotwords: tuple[str, ...] = row(
        (),
        "Hotwords",
        "Words or names to favour, separated by commas or line breaks. They need not be in the lexicon.",
    )
    hotword_boost: float = row(
        6.0,
        "Hotword boost",
        "Added to a hypothesis for each hotword. At 0, hotwords are in the lexicon but not favoured.",
        low=0,
        high=50,
        step=0.5,
        unit="natural log",
        applies_to="hotwords",
    )
    blank_penalty: float = row(
        0.0,
        "Blank penalty",
        "Subtracted from the blank token's log-probability in each frame. Values above 0 yield more "
        "characters: fewer deletions, more insertions.",
        low=0,
        high=10,
        step=0.1,
        unit="natural log",
    )


DEFAULT_OPTIONS: Final = DecodingOptions()

OPTIONS: Final[tuple[Option, ...]] = tuple(
    replace(column.metadata["row"], name=column.name) for column in fields(DecodingOptions)
)
"""The table, in the order of the fields."""
OPTION: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}
DECODERS: Final = OPTION["decoder"].values


# --- values as callers send them ----------------------------------------------------------------


def parse_options(*in_order: object, **named: object) -> DecodingOptions:
    """Options as a form, JSON or a component sends them, by position or by name.

    ``None`` and ``""`` are the defaults, as are options that are left out. Numbers may be text; ``hotwords``
    is text with commas or line breaks between the words, or a list of such texts.

    Raises:
        InputError: ``decoder.unknown``, ``decoder.bad_value``, ``hotwords.too_many``, ``hotwords.too_long``.
        TypeError: there is no option of that name, or there are more values than options.
    """
    if len(in_order) > len(OPTIONS):
        raise TypeError(f"{len(in_order)} values for {len(OPTIONS)} options")
    values = {option.name: value for option, value in zip(OPTIONS, in_order, strict=False)} | named
    if unknown := values.keys() - OPTION.keys():
        raise TypeError(f"unknown decoding options: {', '.join(sorted(unknown))}")
    parsed: dict[str, Any] = {name: _parsed(OPTION[name], value) for name, value in values.items()}
    return check_options(DecodingOptions(**parsed))


def check_options(options: DecodingOptions) -> DecodingOptions:
    """``options`` unchanged, if each value is valid.

    Raises:
        InputError: ``decoder.unknown``, ``decoder.bad_value``, ``hotwords.too_many``, ``hotwords.too_long``.
    """
    for option in OPTIONS:
        value: Value = getattr(options, option.name)
        if isinstance(value, tuple):
            _check_hotwords(value)
        elif isinstance(value, str):
            _check_choice(option, value)
        elif not option.low <= value <= option.high:  # also rejects NaN
            raise bad_number(option, value, "out of range")
    return options


def hotword_list(options: DecodingOptions) -> tuple[str, ...]:
    """Single words of all hotwords, in lower case, each once."""
    return _single_words(options.hotwords)


def _single_words(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for line in lines for word in line.lower().split()))


def _parsed(option: Option, value: object) -> Value:
    if value is None or value == "":
        return option.default
    if option.type == "words":
        return _parsed_words(value)
    if option.type == "choice":
        return str(value).strip().lower()
    return parse_number(option, value)


def parse_number(option: Option, value: object, code: str = "decoder.bad_value") -> int | float:
    """The value of an option of type ``integer`` or ``number``; its bounds are not checked.

    Raises:
        InputError: ``code``.
    """
    number = _as_number(value)
    if number is None:
        raise bad_number(option, value, "not a number", code)
    if option.type == "number":
        return number
    if number != int(number):
        raise bad_number(option, value, "not a whole number", code)
    return int(number)


def _as_number(value: object) -> float | None:
    """``value`` as a finite number; ``None`` if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _parsed_words(value: object) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, Iterable) or isinstance(given, Mapping | bytes):
        raise _bad_hotwords()
    items: list[object] = list(given)
    lines = [line for line in items if isinstance(line, str)]
    if len(lines) != len(items):
        raise _bad_hotwords()
    if sum(map(len, lines)) > MAX_HOTWORDS_CHARACTERS:
        raise _too_many(f"The list of hotwords has more than {MAX_HOTWORDS_CHARACTERS} characters.")
    words = (word.strip() for line in lines for word in re.split(r"[,;\r\n]", line))
    return tuple(dict.fromkeys(word for word in words if word))


# --- checks and their errors --------------------------------------------------------------------


def _check_choice(option: Option, value: str) -> None:
    if value not in option.values:
        raise InputError(
            f"Unknown {option.name} “{value[:40]}”.",
            code="decoder.unknown",
            hint=f"Use one of: {', '.join(option.values)}.",
        )


def _check_hotwords(hotwords: tuple[str, ...]) -> None:
    words = _single_words(hotwords)
    if len(words) > MAX_HOTWORDS:
        raise _too_many(f"There are {len(words)} hotwords; the limit is {MAX_HOTWORDS}.")
    too_long = next((word for word in words if len(word) > MAX_HOTWORD_CHARACTERS), None)
    if too_long is not None:
        raise InputError(
            f"The hotword “{too_long[:20]}…” has {len(too_long)} characters.",
            code="hotwords.too_long",
            hint=f"Use hotwords of at most {MAX_HOTWORD_CHARACTERS} characters.",
        )


def bad_number(
    option: Option, value: object, problem: str, code: str = "decoder.bad_value"
) -> InputError:
    """The error of a number that an option cannot have."""
    return InputError(
        f"{option.name} is “{str(value)[:20]}”, which is {problem}.",
        code=code,
        hint=f"{option.name} must be a {'whole ' * (option.type == 'integer')}number "
        f"from {option.low:g} to {option.high:g}.",
        metadata={"field": option.name, "low": option.low, "high": option.high},
    )


def _too_many(message: str) -> InputError:
    return InputError(
        message,
        code="hotwords.too_many",
        hint=f"Send at most {MAX_HOTWORDS}. Fewer hotwords are favoured more reliably.",
    )


def _bad_hotwords() -> InputError:
    return InputError(
        "The hotwords are neither text nor a list of texts.",
        code="decoder.bad_value",
        hint="Send text with commas or line breaks between the words, or a list of texts.",
        metadata={"field": "hotwords"},
    )


def text_to_align(text: object) -> str:
    """The text to align, unchanged.

    Raises:
        InputError: ``align.empty_text``, ``align.text_too_long``.
    """
    given = text if isinstance(text, str) else ""
    if not given.strip():
        raise InputError(
            "There is no text to align.",
            code="align.empty_text",
            hint="Send the words that are spoken in the recording.",
        )
    if len(given) > MAX_TEXT_CHARACTERS:
        raise InputError(
            f"The text has {len(given)} characters; the limit is {MAX_TEXT_CHARACTERS}.",
            code="align.text_too_long",
            hint="Send only the words that are spoken in this recording.",
            metadata={"characters": len(given), "most": MAX_TEXT_CHARACTERS},
        )
    return given

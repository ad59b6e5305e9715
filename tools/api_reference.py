"""``python -m tools.api_reference [--check]``: write the generated parts of ``docs/api.md``.

A part is the text between ``<!-- generated: NAME -->`` and ``<!-- end -->``. The parts are made from the
tables of options, from the JSON classes of ``server/schema`` and ``server/live/messages.py`` with the
docstrings of their fields, and from the error codes in the source of the package. With ``--check`` nothing is
written; exit code 1 if a part differs.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from tools.error_codes import code_table
from wav2vec2_app.server.live import messages
from wav2vec2_app.server.schema import (
    alignments,
    batches,
    comparisons,
    descriptions,
    errors,
    explorations,
    history,
    layers,
    recording,
    searches,
    system,
    transcriptions,
)
from wav2vec2_app.speech.acoustics import MEASURES
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS
from wav2vec2_app.speech.exports import EXPORT_FORMATS
from wav2vec2_app.speech.options import MAX_HOTWORDS, OPTIONS, Option
from wav2vec2_app.speech.replacement_rules import MAX_RULES

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "api.md"
PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Row = Sequence[str]


def main(arguments: Sequence[str]) -> int:
    """Write or check the document."""
    text = DOCUMENT.read_text("utf-8")
    expected = generated(text)
    if "--check" not in arguments:
        DOCUMENT.write_text(expected, "utf-8")
        return 0
    if text != expected:
        sys.stderr.write("docs/api.md is out of date: run python -m tools.api_reference\n")
    return int(text != expected)


def generated(text: str) -> str:
    """``text`` with every part replaced by what it should be.

    Raises:
        KeyError: a part has an unknown name.
    """
    return PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", text)


# --- decoding options ---------------------------------------------------------------------------


def option_table(options: Sequence[Option]) -> str:
    """The table of decoding or export options."""
    rows = [
        (f"`{option.name}`", _default(option), _values(option), option.help) for option in options
    ]
    return table(("option", "default", "values", "meaning"), rows)


def _default(option: Option) -> str:
    if option.is_list:
        return "none"
    return f"`{option.default:g}`" if option.is_number else f"`{option.default}`"


def _values(option: Option) -> str:
    if option.type == "choice":
        return ", ".join(f"`{value}`" for value in option.values)
    if option.type == "lines":
        return f"text, one rule per line or separated by semicolons; at most {MAX_RULES}"
    if option.type == "words":
        return f"text or a list of texts; at most {MAX_HOTWORDS} words"
    whole = "whole number " if option.type == "integer" else ""
    unit = f" ({option.unit})" if option.unit else ""
    return f"{whole}{option.low:g} to {option.high:g}{unit}"


def format_table() -> str:
    """The table of export formats."""
    rows = [
        (f"`{row.name}`", f"`.{row.ending}`", f"`{row.media_type}`", row.help)
        for row in EXPORT_FORMATS
    ]
    return table(("format", "ending", "media type", "contents"), rows)


def measure_table() -> str:
    """The table of acoustic measures."""
    rows = [(f"`{row.name}`", row.unit, row.help) for row in MEASURES]
    return table(("measure", "unit", "meaning"), rows)


# --- JSON classes -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """A field of a JSON class: its path in the JSON, its type and its meaning."""

    path: str
    type: str
    meaning: str


def schema_table(model: type[BaseModel], *bases: type[BaseModel]) -> str:
    """The fields of a JSON class and of the classes in it, without those of ``bases``."""
    inherited = {name for base in bases for name in base.model_fields}
    rows = [
        (f"`{field.path}`", field.type, field.meaning)
        for field in fields_of(model)
        if re.split(r"[.\[]", field.path)[0] not in inherited
    ]
    return table(("field", "type", "meaning"), rows)


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[Field]:
    """The fields of ``model``, each followed by those of the JSON class in it."""
    meanings = field_docstrings(model)
    for name, info in model.model_fields.items():
        inner = _inner_class(info.annotation)
        is_list = _type_name(info.annotation).startswith("list")
        meaning = meanings.get(name) or (_class_meaning(inner, is_list=is_list) if inner else "")
        path = f"{prefix}{name}"
        if inner in SEPARATE and prefix:
            meaning, inner = "; ".join(filter(None, (meaning, SEPARATE[inner]))), None
        yield Field(path, _type_name(info.annotation), meaning)
        if inner is not None:
            yield from fields_of(inner, f"{path}{'[]' * is_list}.")


SEPARATE: Final[Mapping[type[BaseModel] | None, str]] = {
    recording.ModelJson: "see `model` in [Fields of every result](#fields-of-every-result)",
    errors.ErrorJson: "see `error` in [Errors](#errors)",
}
"""JSON classes whose fields are listed in one place only, and that place."""


def _class_meaning(model: type[BaseModel], *, is_list: bool) -> str:
    line = _one_line((model.__doc__ or "").split("\n\n")[0]).rstrip(".")
    return f"{'each is ' * is_list}{line[0].lower()}{line[1:]}"


def _inner_class(annotation: object) -> type[BaseModel] | None:
    """The JSON class in a type, if there is one."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner_class(argument) for argument in get_args(annotation))
    return next((inner for inner in found if inner is not None), None)


_NAMES: Final[Mapping[object, str]] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    type(None): "null",
}


def _type_name(annotation: object) -> str:
    """The type in JSON's terms."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _NAMES:
        return _NAMES[annotation]
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is tuple:
        return f"list of {_type_name(arguments[0]).replace(' or ', 's or ')}s"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(map(_type_name, arguments))
    return "object"


def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of a class and its bases, on one line."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base.__module__.startswith("wav2vec2_app."):
            [node] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(node, ast.ClassDef)  # noqa: S101 - the source of a class
            found |= dict(_docstrings(node.body))
    return found


def _docstrings(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield field.target.id, _one_line(str(text.value.value))


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


# --- live messages ------------------------------------------------------------------------------


def message_table() -> str:
    """The messages of a live session, and the fields of each."""
    rows = []
    for model in get_args(messages.LiveMessage):
        names = ", ".join(f"`{name}`" for name in model.model_fields if name != "type")
        [kind] = get_args(model.model_fields["type"].annotation)
        rows.append((f"`{kind}`", names, _one_line(model.__doc__ or "")))
    return table(("`type`", "fields", "meaning"), rows)


def message_field_table() -> str:
    """The fields of all messages of a live session that have a docstring."""
    meanings: dict[str, str] = {}
    for model in get_args(messages.LiveMessage):
        meanings |= field_docstrings(model)
    return table(("field", "meaning"), [(f"`{name}`", text) for name, text in meanings.items()])


def table(header: Row, rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "options": partial(option_table, OPTIONS),
    "export-options": partial(option_table, EXPORT_OPTIONS),
    "export-formats": format_table,
    "measures": measure_table,
    "recording": partial(schema_table, recording.RecordingResponse),
    "transcription": partial(
        schema_table, transcriptions.TranscriptionResponse, recording.RecordingResponse
    ),
    "analysis": partial(
        schema_table, transcriptions.AnalysisResponse, transcriptions.TranscriptionResponse
    ),
    "description": partial(
        schema_table, descriptions.DescriptionResponse, transcriptions.TranscriptionResponse
    ),
    "alignment": partial(schema_table, alignments.AlignmentResponse, recording.RecordingResponse),
    "search": partial(schema_table, searches.SearchResponse, recording.RecordingResponse),
    "history-search": partial(schema_table, searches.HistorySearchResponse),
    "comparison": partial(schema_table, comparisons.ComparisonResponse),
    "exploration": partial(schema_table, explorations.ExplorationResponse),
    "explanation": partial(schema_table, explorations.ExplanationResponse),
    "layers": partial(schema_table, layers.ModelLayersResponse),
    "history": partial(schema_table, history.HistoryResponse),
    "batch": partial(schema_table, batches.BatchResponse),
    "error": partial(schema_table, errors.ErrorResponse),
    "capabilities": partial(schema_table, system.CapabilitiesResponse),
    "status": partial(schema_table, system.StatusResponse),
    "error-codes": code_table,
    "live-messages": message_table,
    "live-fields": message_field_table,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

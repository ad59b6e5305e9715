"""The command line options of decoding and export, made from their tables."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from wav2vec2_app.cli.output import OutputOptions
from wav2vec2_app.cli.output_folder import OutputFolder
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS, ExportOptions, parse_export
from wav2vec2_app.speech.exports import EXPORT_FORMAT, format_named
from wav2vec2_app.speech.options import OPTIONS, DecodingOptions, Option, parse_options

OptionValue = str | int | float

_TYPES: Final[Mapping[str, type[OptionValue]]] = {
    "choice": str,
    "words": str,
    "lines": str,
    "integer": int,
    "number": float,
}


def with_options(
    *options: Option,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the ``**`` parameter of a command by one command line option for each of ``options``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        return _with_parameters(command, [_parameter(option) for option in options])

    return decorate


def _with_parameters(
    command: Callable[..., None], parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    fixed = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    command.__signature__ = signature.replace(parameters=[*fixed, *parameters])  # type: ignore[attr-defined]
    return command


def parse_decoding(values: Mapping[str, OptionValue]) -> DecodingOptions:
    """The options that were given on the command line; ``@FILE`` as hotwords is read from the file.

    Raises:
        InputError: ``text.unreadable``, or an error of :func:`parse_options`.
    """
    values = {option.name: values[option.name] for option in OPTIONS}
    return parse_options(**{**values, "hotwords": text_or_file(str(values["hotwords"]))})


def parse_export_values(values: Mapping[str, OptionValue]) -> ExportOptions:
    """The export options that were given on the command line; ``@FILE`` as a list is read from the file.

    Raises:
        InputError: ``export.bad_value``, ``text.unreadable``.
    """
    given = {option.name: values[option.name] for option in EXPORT_OPTIONS}
    lists = {one.name: text_or_file(str(given[one.name])) for one in EXPORT_OPTIONS if one.is_list}
    return parse_export(**{**given, **lists})


def output_format(name: str) -> str:
    """The name of an export format, by its name or a file's ending.

    Raises:
        typer.BadParameter: there is none.
    """
    try:
        return format_named(name).name
    except InputError as error:
        raise typer.BadParameter(f"{error.message} {error.hint}") from error


def output_options(
    formats: Sequence[str], folder: Path | None, values: Mapping[str, OptionValue]
) -> OutputOptions:
    """How results are put out.

    Raises:
        InputError: ``export.needs_folder``, ``export.bad_value``, ``text.unreadable``.
    """
    chosen = tuple(dict.fromkeys(formats))
    binary = not EXPORT_FORMAT[chosen[0]].media_type.startswith(("text/", "application/json"))
    if folder is None and (len(chosen) > 1 or (binary and sys.stdout.isatty())):
        raise InputError(
            "These formats cannot be shown in a terminal.",
            code="export.needs_folder",
            hint="Give a folder for the files with --to.",
        )
    to = OutputFolder(folder) if folder is not None else None
    return OutputOptions(chosen, parse_export_values(values), to)


def text_or_file(text: str) -> str:
    """``text``, or the content of the file that it names after an ``@``.

    Raises:
        InputError: ``text.unreadable``.
    """
    return read_text(Path(text[1:])) if text.startswith("@") else text


def read_text(file: Path) -> str:
    """The content of a text file.

    Raises:
        InputError: ``text.unreadable``.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file.name} cannot be read.",
            code="text.unreadable",
            hint="Give the path of a text file in UTF-8.",
        ) from error


def _parameter(option: Option) -> inspect.Parameter:
    info = typer.Option(
        f"--{option.name.replace('_', '-')}", help=_help(option), metavar=_metavar(option)
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default="" if option.is_list else option.default,
        annotation=Annotated[_TYPES[option.type], info],
    )


def _help(option: Option) -> str:
    if option.is_number:
        return f"{option.help} From {option.low:g} to {option.high:g}."
    if option.is_list:
        return f"{option.help} @FILE reads them from a file."
    return option.help


def _metavar(option: Option) -> str | None:
    return f"[{'|'.join(option.values)}]" if option.type == "choice" else None

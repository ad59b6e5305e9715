"""Buttons that copy or download a transcript or an alignment, and the files that they fetch.

A file is written when its button is pressed: the page holds none of them. The buttons are made from the table
of export formats.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render.data import hidden
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.exports import (
    EXPORT_FORMATS,
    ExportedFile,
    ExportFormat,
    exported,
    format_named,
)

RECORDING_NAME: Final = "recording"
"""Name of a file until the page's script names it after the upload."""


def transcript(result: AudioResult | None) -> str:
    """The buttons of a transcript; disabled while there is none, so that nothing moves later."""
    ready = result is not None and result.transcript is not None and bool(result.transcript.words)
    copy = _button("copy", "transcript.txt", texts.COPY_TEXT, texts.COPY_TRANSCRIPT, ready=ready)
    return _group(texts.EXPORT_TRANSCRIPT, copy + _downloads("transcript", ready=ready))


def alignment() -> str:
    """The buttons of an alignment."""
    return _group(texts.EXPORT_ALIGNMENT, _downloads("alignment", ready=True))


def transcript_file(
    result: AudioResult,
    kind: str,
    options: ExportOptions = DEFAULT_EXPORT,
    name: str = RECORDING_NAME,
) -> ExportedFile:
    """The file of a transcript; ``kind`` is an export format or its ending.

    Raises:
        InputError: ``export.unknown_format``.
    """
    answer = schema.transcription(result, export=options)
    return exported(schema.transcript_document(answer, name), format_named(kind), options)


def alignment_file(
    result: AudioResult,
    text: str,
    kind: str,
    options: ExportOptions = DEFAULT_EXPORT,
    name: str = RECORDING_NAME,
) -> ExportedFile:
    """The file of the alignment of ``text``; ``kind`` is an export format or its ending.

    Raises:
        InputError: ``export.unknown_format``.
    """
    document = schema.alignment_document(schema.alignment(result, text), name)
    return exported(document, format_named(kind), options)


def fetched(request: str, file: ExportedFile | None) -> str:
    """The answer to a ``request`` of the page's script: a file, or that there is nothing to export.

    What HTML would change is sent as base64: bytes that are not text, and line breaks with a carriage return.
    """
    if file is None:
        return hidden("", request=request, missing="")
    plain = file.media_type.startswith(("text/", "application/json"))
    if plain and b"\r" not in file.content:
        return hidden(file.content.decode(), request=request, type=file.media_type)
    content = b64encode(file.content).decode()
    return hidden(content, request=request, type=file.media_type, base64="")


def _downloads(what: str, *, ready: bool) -> str:
    """A button for each common format, and the others folded."""
    common = (form for form in EXPORT_FORMATS if form.common)
    others = (form for form in EXPORT_FORMATS if not form.common)
    return (
        _buttons(what, common, ready=ready)
        + f'<details class="w-more-formats"><summary class="w-button w-small">{texts.MORE_FORMATS}'
        f"</summary><div>{_buttons(what, others, ready=ready)}</div></details>"
    )


def _buttons(what: str, forms: Iterable[ExportFormat], *, ready: bool) -> str:
    return "".join(_download(f"{what}.{form.ending}", form, ready=ready) for form in forms)


def _download(file: str, form: ExportFormat, *, ready: bool) -> str:
    title = f"{texts.DOWNLOAD.format(file=file)}. {form.help}"
    return _button("save", file, form.label, title, ready=ready)


def _button(do: str, file: str, label: str, title: str, *, ready: bool) -> str:
    disabled = "" if ready else ' disabled=""'
    shown = escape(title)
    name = f' aria-label="{shown}"' if label.upper() in title.upper() else ""
    target = "data-of" if do == "copy" else "data-name"
    return (
        f'<button type="button" class="w-button w-small" data-do="{do}" {target}="{file}" '
        f'title="{shown}"{name}{disabled}>{label}</button>'
    )


def _group(label: str, buttons: str) -> str:
    return f'<div class="w-actions" role="group" aria-label="{label}">{buttons}</div>'

"""The table of export formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.exports.ass import to_ass
from wav2vec2_app.speech.exports.document import ExportDocument, writable
from wav2vec2_app.speech.exports.office import to_docx
from wav2vec2_app.speech.exports.phonetics import to_ctm, to_textgrid
from wav2vec2_app.speech.exports.tables import to_csv, to_tsv

Write = Callable[[ExportDocument, ExportOptions], str | bytes]


@dataclass(frozen=True)
class ExportFormat:
    """One row of the table.

    Attributes:
        name: in forms, on the command line and in endpoints.
        ending: of the file's name.
        label: on the page.
        help: what it is for, one sentence.
        media_type: MIME type.
        write: the file's content.
        common: shown on the page without unfolding the others.
    """

    name: str
    ending: str
    label: str
    help: str
    media_type: str
    write: Write
    common: bool = False


@dataclass(frozen=True)
class ExportedFile:
    """A file to save; text is UTF-8."""

    name: str
    media_type: str
    content: bytes


EXPORT_FORMATS: Final = (
    ExportFormat(
        "text", "txt", "TXT",
        "Plain text; of an alignment, one line per word with start, end and score.",
        "text/plain", lambda document, _: document.text, common=True,
    ),
    ExportFormat(
        "srt", "srt", "SRT", "SubRip subtitles, for most players and video sites.",
        "text/plain", lambda document, how: subtitles.to_srt(document.captions, how), common=True,
    ),
    ExportFormat(
        "vtt", "vtt", "VTT", "WebVTT subtitles, for the web.",
        "text/plain", lambda document, how: subtitles.to_vtt(document.captions, how), common=True,
    ),
    ExportFormat(
        "json", "json", "JSON", "Everything, with a published JSON schema.",
        "application/json", lambda document, _: to_json(document), common=True,
    ),
    ExportFormat(
        "docx", "docx", "DOCX", "A document for word processors, with the time of each paragraph.",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        lambda document, how: to_docx(document, how),
    ),
    ExportFormat(
        "ass", "ass", "ASS", "Advanced SubStation Alpha subtitles; words can be highlighted.",
        "text/x-ssa", lambda document, how: to_ass(document, how),
    ),
    ExportFormat(
        "textgrid", "TextGrid", "TextGrid",
        "Praat's annotations: a tier of words, and one of characters for an alignment.",
        "text/plain", lambda document, _: to_textgrid(document),
    ),
    ExportFormat(
        "ctm", "ctm", "CTM", "Time marks of words for scoring tools (NIST).",
        "text/plain", lambda document, _: to_ctm(document),
    ),
    ExportFormat(
        "csv", "csv", "CSV", "A table of the words, separated by commas.",
        "text/csv", lambda document, _: to_csv(document),
    ),
    ExportFormat(
        "tsv", "tsv", "TSV", "A table of the words, separated by tabs.",
        "text/tab-separated-values", lambda document, _: to_tsv(document),
    ),
)  # fmt: skip
"""The table, in the order of the page."""
EXPORT_FORMAT: Final[Mapping[str, ExportFormat]] = {row.name: row for row in EXPORT_FORMATS}


def format_named(name: str) -> ExportFormat:
    """The format of a name or a file's ending, in any case.

    Raises:
        InputError: ``export.unknown_format``.
    """
    wanted = name.strip().lower().lstrip(".")
    for row in EXPORT_FORMATS:
        if wanted in (row.name, row.ending.lower()):
            return row
    raise InputError(
        f"There is no export format “{name[:20]}”.",
        code="export.unknown_format",
        hint=f"Use one of: {', '.join(EXPORT_FORMAT)}.",
        metadata={"allowed": list(EXPORT_FORMAT)},
    )


def exported(
    document: ExportDocument, form: ExportFormat, options: ExportOptions = DEFAULT_EXPORT
) -> ExportedFile:
    """``document`` as a file."""
    content = form.write(document, options)
    if isinstance(content, str):
        content = writable(content).encode("utf-8")
    return ExportedFile(f"{document.name}.{form.ending}", form.media_type, content)


def to_json(document: ExportDocument) -> str:
    """All fields of the response, indented."""
    return json.dumps(document.data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"

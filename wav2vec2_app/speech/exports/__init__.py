"""The export formats, in one table: how a transcript or an alignment is written as a file.

The buttons of the page, ``response_format``, the endpoints, ``--output`` of the command line, OpenAPI and the
table in ``docs/api.md`` are made from :data:`EXPORT_FORMATS`. To add a format, add a row.
"""

from wav2vec2_app.speech.exports.document import ExportCharacter, ExportDocument, ExportWord
from wav2vec2_app.speech.exports.formats import (
    EXPORT_FORMAT,
    EXPORT_FORMATS,
    ExportedFile,
    ExportFormat,
    exported,
    format_named,
)

__all__ = [
    "EXPORT_FORMAT",
    "EXPORT_FORMATS",
    "ExportCharacter",
    "ExportDocument",
    "ExportFormat",
    "ExportWord",
    "ExportedFile",
    "exported",
    "format_named",
]

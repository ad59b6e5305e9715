"""Tables of words: comma- and tab-separated values with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from wav2vec2_app.speech.exports.document import ExportDocument, ExportWord, one_line


def to_csv(document: ExportDocument) -> str:
    """RFC 4180: one row for each word."""
    return _table(document, ",")


def to_tsv(document: ExportDocument) -> str:
    """The same with tabs."""
    return _table(document, "\t")


def _table(document: ExportDocument, delimiter: str) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    labelled = any(word.speaker for word in document.words)
    columns = ("start", "end", "text", document.rating, "channel", "speaker")
    writer.writerow(columns if labelled else columns[:-1])
    for word in document.words:
        writer.writerow((*_row(word), one_line(word.speaker)) if labelled else _row(word))
    return file.getvalue()


def _row(word: ExportWord) -> Sequence[str | int]:
    times = (f"{word.start:.3f}", f"{word.end:.3f}")
    channel = "" if word.channel is None else word.channel
    return (*times, one_line(word.text), f"{word.confidence:.4f}", channel)

"""Buttons that copy or download a transcript or an alignment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions

_NO_FILES: Final[Mapping[str, str]] = {}


def transcript(result: AudioResult | None, options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The buttons of a transcript; disabled while there is none, so that nothing moves later."""
    ready = result is not None and result.transcript is not None and bool(result.transcript.words)
    files = _transcript_files(result, options) if result is not None and ready else _NO_FILES
    downloads = "".join(
        _download(f"transcript.{kind}", files.get(kind)) for kind in ("txt", "srt", "vtt", "json")
    )
    copy = _button("copy", "", texts.COPY_TEXT, texts.COPY_TRANSCRIPT, files.get("txt"))
    return _group(texts.EXPORT_TRANSCRIPT, copy + downloads)


def alignment(answer: schema.AlignmentResponse, options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The buttons of an alignment."""
    written = subtitles.as_written(answer.text, answer.words)
    files = {
        "srt": subtitles.to_srt(written, options),
        "vtt": subtitles.to_vtt(written, options),
        "json": _json(answer),
    }
    buttons = "".join(_download(f"alignment.{kind}", text) for kind, text in files.items())
    return _group(texts.EXPORT_ALIGNMENT, buttons)


def _transcript_files(result: AudioResult, options: ExportOptions) -> Mapping[str, str]:
    answer = schema.transcription(result, letter_case=options.letter_case)
    return {
        "txt": answer.labelled_text + "\n",
        "srt": subtitles.to_srt(answer.words, options),
        "vtt": subtitles.to_vtt(answer.words, options),
        "json": _json(answer),
    }


def _json(answer: schema.JsonModel) -> str:
    return json.dumps(answer.json_dict(), ensure_ascii=False, allow_nan=False, indent=2)


def _download(file: str, text: str | None) -> str:
    kind = file.rpartition(".")[2].upper()
    return _button("save", file, kind, texts.DOWNLOAD.format(file=file), text)


def _button(do: str, file: str, label: str, title: str, text: str | None) -> str:
    content = ' disabled=""' if text is None else f' data-text="{escape(text)}"'
    name = f' aria-label="{title}"' if label in title.upper() else ""  # contains what is visible
    return (
        f'<button type="button" class="w-button w-small" data-do="{do}" data-name="{file}" '
        f'title="{title}"{name}{content}>{label}</button>'
    )


def _group(label: str, buttons: str) -> str:
    return f'<div class="w-actions" role="group" aria-label="{label}">{buttons}</div>'

"""Buttons that copy or download a transcript or an alignment, and the files that they fetch.

A file is written when its button is pressed: the page holds none of them.
"""

from __future__ import annotations

import json
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render.data import hidden
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions

TRANSCRIPT_FILES: Final = ("txt", "srt", "vtt", "json")
"""File types of a transcript."""
ALIGNMENT_FILES: Final = ("srt", "vtt", "json")
"""File types of an alignment."""


def transcript(result: AudioResult | None) -> str:
    """The buttons of a transcript; disabled while there is none, so that nothing moves later."""
    ready = result is not None and result.transcript is not None and bool(result.transcript.words)
    copy = _button("copy", "transcript.txt", texts.COPY_TEXT, texts.COPY_TRANSCRIPT, ready=ready)
    downloads = "".join(_download(f"transcript.{kind}", ready=ready) for kind in TRANSCRIPT_FILES)
    return _group(texts.EXPORT_TRANSCRIPT, copy + downloads)


def alignment() -> str:
    """The buttons of an alignment."""
    buttons = "".join(_download(f"alignment.{kind}", ready=True) for kind in ALIGNMENT_FILES)
    return _group(texts.EXPORT_ALIGNMENT, buttons)


def transcript_file(result: AudioResult, kind: str, options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The file of a transcript; ``kind`` is one of :data:`TRANSCRIPT_FILES`.

    Raises:
        InputError: ``export.bad_value``.
    """
    answer = schema.transcription(result, letter_case=options.letter_case)
    match kind:
        case "txt":
            return answer.labelled_text + "\n"
        case "srt":
            return subtitles.to_srt(answer.words, options)
        case "vtt":
            return subtitles.to_vtt(answer.words, options)
        case "json":
            return _json(answer)
    raise _unknown(kind)


def alignment_file(
    result: AudioResult, text: str, kind: str, options: ExportOptions = DEFAULT_EXPORT
) -> str:
    """The file of the alignment of ``text``; ``kind`` is one of :data:`ALIGNMENT_FILES`.

    Raises:
        InputError: ``export.bad_value``.
    """
    answer = schema.alignment(result, text)
    if kind == "json":
        return _json(answer)
    written = subtitles.as_written(answer.text, answer.words)
    match kind:
        case "srt":
            return subtitles.to_srt(written, options)
        case "vtt":
            return subtitles.to_vtt(written, options)
    raise _unknown(kind)


def fetched(request: str, text: str | None) -> str:
    """The answer to a ``request`` of the page's script: a file, or that there is nothing to export."""
    missing = {} if text is not None else {"missing": ""}
    return hidden(text or "", request=request, **missing)


def _unknown(kind: str) -> InputError:
    return InputError(
        f"There is no export of the type {kind!r}.",
        code="export.bad_value",
        hint=f"Choose one of {', '.join(TRANSCRIPT_FILES)}.",
    )


def _json(answer: schema.JsonModel) -> str:
    return json.dumps(answer.json_dict(), ensure_ascii=False, allow_nan=False, indent=2)


def _download(file: str, *, ready: bool) -> str:
    kind = file.rpartition(".")[2].upper()
    return _button("save", file, kind, texts.DOWNLOAD.format(file=file), ready=ready)


def _button(do: str, file: str, label: str, title: str, *, ready: bool) -> str:
    disabled = "" if ready else ' disabled=""'
    name = f' aria-label="{title}"' if label in title.upper() else ""  # contains what is visible
    target = "data-of" if do == "copy" else "data-name"
    return (
        f'<button type="button" class="w-button w-small" data-do="{do}" {target}="{file}" '
        f'title="{title}"{name}{disabled}>{label}</button>'
    )


def _group(label: str, buttons: str) -> str:
    return f'<div class="w-actions" role="group" aria-label="{label}">{buttons}</div>'

"""Cards: quiet ones in place of a transcript, and errors with what to do about them."""

from __future__ import annotations

import math
from html import escape
from typing import Final

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Problem
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.languages import explained, translated_error

TOO_LONG_FOR_PICTURES: Final = "features.too_long"

_MARKS: Final = {
    kind: '<svg class="w-card-mark" viewBox="0 0 64 32" width="64" height="32" aria-hidden="true">'
    f'<path d="{path}"/></svg>'
    for kind, path in {
        "idle": "M4 13v6M12 8v16M20 12v8M28 3v26M36 10v12M44 6v20M52 12v8M60 14v4",
        "empty": "M4 16h20M28 14v4M32 12v8M36 14v4M40 16h20",
    }.items()
}


def card(kind: str, title: str, text: str) -> str:
    """A quiet card in place of a transcript; ``kind`` is idle or empty."""
    return (
        f'<div class="w-card w-card-{kind}">{_MARKS[kind]}'
        f"<h2>{escape(title)}</h2><p>{escape(text)}</p></div>"
    )


def error_card(error: Wav2Vec2Error, request_id: str) -> str:
    """What happened, what to do, and the code and id to quote in a report."""
    area = error.code.split(".")[0]
    titles = texts.ERROR_OF_CODE
    title = titles.get(error.code) or titles.get(area) or texts.ERROR_OF_LAYER[error.layer]
    return _error(error, request_id, title, translated_error(error.message))


def problem_card(problem: Problem, request_id: str) -> str:
    """An error that cost an extra, not the transcript."""
    error, limit_s = problem.error, problem.error.metadata.get("limit_s")
    if error.code == TOO_LONG_FOR_PICTURES and isinstance(limit_s, int | float):
        title = texts.NO_PICTURES_LONG.format(minutes=f"{limit_s / 60:g}")
        return _error(error, request_id, title, "")
    pictures = problem.operation in (Operation.ANALYZE, Operation.DRAW)
    title = texts.NO_PICTURES if pictures else texts.INCOMPLETE
    return _error(error, request_id, title, translated_error(error.message))


def hint(error: Wav2Vec2Error) -> str:
    """What is wrong with an input, in one quiet line beside it."""
    return f'<p class="w-hint" role="status">{escape(explained(error.message, error.hint))}</p>'


def _error(error: Wav2Vec2Error, request_id: str, title: str, message: str) -> str:
    paragraph = f'<p class="w-error-message">{escape(message)}</p>' if message else ""
    return (
        f'<div class="w-error" role="alert" data-severity="{escape(error.severity)}">'
        f"<h2>{escape(title)}</h2>{paragraph}"
        f'<p class="w-error-hint">{escape(translated_error(error.hint))}</p>{_retry(error)}'
        f'<p class="w-error-facts"><code>{escape(error.code)}</code>{_request(request_id)}</p>'
        "</div>"
    )


def _retry(error: Wav2Vec2Error) -> str:
    """A button to try again; it counts down where the time of the next try is known."""
    if not error.retryable:
        return ""
    after_s = error.metadata.get("retry_after_s")
    if not isinstance(after_s, int | float) or not 0 < after_s < math.inf:
        return f'<button type="button" class="w-button" data-do="retry">{texts.TRY_AGAIN}</button>'
    whole = math.ceil(after_s)
    label = texts.TRY_AGAIN_IN.format(seconds=whole)
    return f'<button type="button" class="w-button" data-do="retry" data-after="{whole}">{label}</button>'


def _request(request_id: str) -> str:
    if not request_id:
        return ""
    return (
        f"<span>{texts.REQUEST} <code>{escape(request_id)}</code></span>"
        f'<button type="button" class="w-link" data-do="copy" data-text="{escape(request_id)}">'
        f"{texts.COPY}</button>"
    )

"""A stored transcription as a response: JSON with its item, or a file to save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import JSONResponse

from wav2vec2_app.server import schema
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.storage.files import as_written, format_of, respelled
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS, parse_export

SAVE: Final = "save"
"""Query parameter: the JSON, too, is a file to save."""


async def transcript_file(
    found: schema.StoredTranscriptionResponse,
    response_format: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    original: bool = False,
) -> Response:
    """The response, written with the export options in the query; ``original`` says that it is not corrected.

    Raises:
        InputError: ``request.bad_value``, ``export.bad_value``.
    """
    options = parse_export(**{row.name: query.get(row.name, "") for row in EXPORT_OPTIONS})
    wanted = format_of(response_format)

    def render() -> Response:
        answer = (
            respelled(found.transcription, options.letter_case)
            if original
            else as_written(found, options.letter_case)
        )
        if wanted.ending == "json" and SAVE not in query:
            body = found.model_copy(update={"transcription": answer}).json_dict()
            return JSONResponse(body, headers=dict(headers))
        name = quote(f"{found.item.name}.{wanted.ending}", safe="")
        saved = {**headers, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        text = wanted.write(answer, options)
        return Response(text, media_type=f"{wanted.media_type}; charset=utf-8", headers=saved)

    return await off_loop(found.item.duration_s, render)

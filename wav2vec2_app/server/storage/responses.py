"""The statements that give the transcript of an item: as it was corrected, or as the model made it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from wav2vec2_app.server.schema import TranscriptionResponse
from wav2vec2_app.server.storage import correction_rows
from wav2vec2_app.server.storage.content import (
    unpack_emissions,
    unpack_response,
    unpack_words,
    with_names,
    with_words,
)
from wav2vec2_app.speech.emission import Emission


def shown_response(connection: sqlite3.Connection, number: int) -> TranscriptionResponse:
    """The response of an item, as it was corrected."""
    original = original_response(connection, number)
    words, names = correction_rows.shown(connection, number)
    if words is not None:
        return with_words(original, unpack_words(words), names)
    return original.model_copy(update={"words": with_names(original.words, names)})


def original_response(connection: sqlite3.Connection, number: int) -> TranscriptionResponse:
    """The response of an item, as the model made it."""
    [(found,)] = connection.execute("SELECT response FROM contents WHERE number = ?", (number,))
    return unpack_response(found)


def content(
    connection: sqlite3.Connection, number: int
) -> tuple[TranscriptionResponse, Sequence[Emission]]:
    """The original response, with the names that speakers were given, and the emissions of an item."""
    [(response, emission)] = connection.execute(
        "SELECT response, emission FROM contents WHERE number = ?", (number,)
    )
    answer = unpack_response(response)
    words = with_names(answer.words, correction_rows.shown(connection, number)[1])
    return answer.model_copy(update={"words": words}), unpack_emissions(emission or b"")

"""Makes the bytes of a new item: what takes time, before the database is locked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wav2vec2_app.server.schema import TranscriptionResponse, transcription
from wav2vec2_app.server.storage.content import emissions_of, pack_emissions, pack_response
from wav2vec2_app.server.storage.records import NewItem
from wav2vec2_app.speech.audio import Float16
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.pooling import pooled
from wav2vec2_app.speech.spelling import spelled_text

ROW_BYTES: Final = 1024
"""What an item takes beside its text, response, emission and audio."""


@dataclass(frozen=True)
class PackedItem:
    """An item as it is stored; ``text`` as the page shows it, ``response`` as the model spells."""

    new: NewItem
    response: TranscriptionResponse
    text: str
    packed_response: bytes
    emission: bytes | None
    vector: bytes = b""

    @property
    def size(self) -> int:
        """What it takes without its audio, bytes."""
        text = 2 * len(self.text.encode())  # the table, and the index
        return (
            ROW_BYTES
            + text
            + len(self.packed_response)
            + len(self.emission or b"")
            + len(self.vector)
        )


def vector_bytes(vector: Float16 | None) -> bytes:
    """A vector as it is stored; empty where there is none."""
    return b"" if vector is None else vector.tobytes()


def pack(new: NewItem) -> PackedItem:
    """The bytes of an item.

    Raises:
        ValueError: the result has no transcript.
    """
    response = transcription(new.result, new.decoding, ExportOptions(letter_case="raw"))
    recognition = new.result.recognition
    assert recognition is not None  # noqa: S101 - it has a transcript
    return PackedItem(
        new,
        response,
        spelled_text(response.text, "sentence"),
        pack_response(response),
        pack_emissions(recognition),
        vector_bytes(pooled(emissions_of(recognition))),
    )

"""Puts stored results back into the result cache, where tasks find them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.clients import current_client, owner_of
from wav2vec2_app.server.operations import Target
from wav2vec2_app.server.orchestrator.cache import CachedResult
from wav2vec2_app.server.schema import TranscriptionResponse
from wav2vec2_app.server.storage.content import recognition_of
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.speakers import turns_of_labels

SESSION = "history/"
"""Beginning of the sessions of restored results."""


@dataclass(frozen=True)
class AbsentAudio(Audio):
    """A recording of which only the emission is stored: its length without its samples."""

    length_s: float = 0.0

    @property
    def duration_s(self) -> float:
        return self.length_s


async def restored(store: HistoryStore, owner: str, item_id: str) -> CachedResult:
    """The cached result of an item, for tasks of its owner that decode or align it again.

    Raises:
        InputError: ``history.not_found``, ``history.no_emission``.
    """
    response, emissions = await store.content(owner, item_id)
    recognition = recognition_of(response, emissions)
    if not recognition.has_emission:
        raise InputError(
            "The emission of this item is not stored: its model has none.",
            code="history.no_emission",
            hint="Transcribe the recording again with a CTC model, such as wav2vec2.",
        )
    client, session = current_client(), f"{SESSION}{owner}"
    return CachedResult(
        session=session,
        owner=owner_of(client, session),
        client=client,
        content="",
        audio=absent_audio(response),
        answers={Target(): recognition},
        decoding=response.decoding,
        speakers=turns_of_labels(recognition.transcript.words)[0],
    )


def absent_audio(response: TranscriptionResponse) -> AbsentAudio:
    """What is known of the recording of a response."""
    about = response.audio
    return AbsentAudio(
        np.empty(0, np.float32),
        about.sample_rate_hz,
        about.channels,
        about.format,
        about.warnings,
        about.track,
        about.tracks,
        tuple(np.empty(0, np.float32) for _ in range(about.separate_channels)),
        about.duration_s,
    )

"""Corrections of stored transcripts: other words, and names of speakers; the original is kept."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.schema import HistoryItemJson, TranscriptionResponse, WordJson
from wav2vec2_app.server.storage import correction_rows, items
from wav2vec2_app.server.storage.content import pack_words, speaker_label, with_words
from wav2vec2_app.server.storage.correction_rows import PackedCorrection
from wav2vec2_app.server.storage.database import transaction
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.records import CONTROL_CHARACTERS, no_item, too_large
from wav2vec2_app.server.storage.responses import original_response
from wav2vec2_app.speech.speakers import MAX_SPEAKER_NAMES, speaker_name
from wav2vec2_app.speech.spelling import spelled_text

MAX_CORRECTED: Final = 200_000
"""Most words of a corrected transcript."""
MAX_CORRECTED_CHARACTERS: Final = 1000
"""Most characters of one word."""


@dataclass(frozen=True)
class StoredCorrection:
    """What is changed in a transcript.

    Attributes:
        words: in place of all of its words, as they are written; ``None`` leaves them.
        names: of speakers, by their labels or by the numbers of their channels.
    """

    words: Sequence[WordJson] | None = None
    names: Mapping[str, str] = field(default_factory=dict)


async def store_correction(
    store: HistoryStore, owner: str, item: str, correction: StoredCorrection
) -> HistoryItemJson:
    """Store a correction in place of the earlier one; ``item`` is an item, or a request that it is of.

    Raises:
        InputError: ``history.not_found``, ``history.bad_words``, ``speakers.bad_names``.
        ResourceError: ``storage.…``, ``history.too_large``.
    """
    since = store.since

    def read(connection: sqlite3.Connection) -> TranscriptionResponse:
        number, _ = _place(connection, owner, item, since)
        return original_response(connection, number)

    packed = await asyncio.to_thread(_packed, await store.database.read(read), correction)
    if packed.size > store.policy.limit_bytes:
        raise too_large()

    def write(connection: sqlite3.Connection) -> HistoryItemJson:
        with transaction(connection):
            number, transcript = _place(connection, owner, item, since)
            correction_rows.store(connection, number, transcript, packed)
            _show(connection, number)
        store.make_room(connection)
        row = items.find_number(connection, owner, number, since)
        return items.item_json(row, store.policy.retention_s)

    return await store.database.write(write)


async def restore_original(store: HistoryStore, owner: str, item: str) -> HistoryItemJson:
    """Delete the correction of a transcript, if there is one; the original is shown again.

    Raises:
        InputError: ``history.not_found``.
        ResourceError: ``storage.…``.
    """
    since = store.since

    def work(connection: sqlite3.Connection) -> HistoryItemJson:
        with transaction(connection):
            number, transcript = _place(connection, owner, item, since)
            if correction_rows.delete(connection, number, transcript):
                _show(connection, number)
        row = items.find_number(connection, owner, number, since)
        return items.item_json(row, store.policy.retention_s)

    return await store.database.write(work)


def _place(connection: sqlite3.Connection, owner: str, item: str, since: float) -> tuple[int, str]:
    found = correction_rows.place_of(connection, owner, item, since)
    if found is None:
        raise no_item()
    return found


def _show(connection: sqlite3.Connection, number: int) -> None:
    """Give an item, and the full-text index, the text that is shown now."""
    words, _ = correction_rows.shown(connection, number)
    if words is None:
        answer = original_response(connection, number)
        text = spelled_text(answer.text, "sentence")
        correction_rows.show_original(
            connection, number, (len(answer.words), answer.confidence, text)
        )
    correction_rows.show(connection, number)
    items.index(connection, number)


def _packed(original: TranscriptionResponse, correction: StoredCorrection) -> PackedCorrection:
    words = original.words if correction.words is None else correction.words
    names = _checked_names(correction.names, words)
    written = json.dumps(names, ensure_ascii=False)
    if correction.words is None:
        return PackedCorrection(written)
    _check_words(correction.words)
    answer = with_words(original, correction.words, names)
    return PackedCorrection(
        written,
        pack_words(correction.words),
        answer.text,
        len(answer.words),
        answer.confidence,
    )


def _check_words(words: Sequence[WordJson]) -> None:
    if len(words) > MAX_CORRECTED:
        raise bad_words("words")
    for number, word in enumerate(words):
        text = " ".join(word.text.split())
        usable = text == word.text and not CONTROL_CHARACTERS.search(text)
        if not usable or not 0 < len(text) <= MAX_CORRECTED_CHARACTERS:
            raise bad_words(f"words.{number}.text")
        if not 0 <= word.start <= word.end or not 0 <= word.confidence <= 1:
            raise bad_words(f"words.{number}")
        if word.channel is not None and word.channel < 1:
            raise bad_words(f"words.{number}.channel")
        if word.speaker is not None and speaker_name(word.speaker) != word.speaker:
            raise bad_words(f"words.{number}.speaker")


def _checked_names(names: Mapping[str, str], words: Sequence[WordJson]) -> dict[str, str]:
    """The names without blanks around them; two speakers of the transcript never get one name."""
    found = {
        speaker_name(label): name for label, given in names.items() if (name := speaker_name(given))
    }
    voices = {speaker_label(word) for word in words} - {""}
    if len(names) > MAX_SPEAKER_NAMES or len({found.get(one, one) for one in voices}) < len(voices):
        raise InputError(
            "The names of the speakers cannot be used.",
            code="speakers.bad_names",
            hint=f"Send different names for at most {MAX_SPEAKER_NAMES} speakers.",
            metadata={"field": "names"},
        )
    return found


def bad_words(field_name: str) -> InputError:
    """Words of a correction that cannot be stored."""
    return InputError(
        f"The corrected words cannot be used: `{field_name}`.",
        code="history.bad_words",
        hint='Send `words`, each like {"text": "hello", "start": 0.1, "end": 0.4, "confidence": 1}, '
        'or `names` such as {"Speaker 1": "Anna"}.',
        metadata={"field": field_name},
    )

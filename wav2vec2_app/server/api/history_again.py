"""Decodes and aligns stored emissions: the model does not run, and the recording is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import Request

from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.restoring import restored
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.export_options import EXPORT_OPTION, ExportOptions, parse_export
from wav2vec2_app.speech.options import OPTION, parse_options, text_to_align
from wav2vec2_app.speech.retiming import parse_stretch
from wav2vec2_app.speech.speakers import turns_of_labels

OwnedItem = tuple[str, str]
"""The owner and the id of an item."""
_STRETCH: Final = ("start", "end", "channel")
"""Fields of the part of the recording that a text is aligned with."""


async def decode_again(
    orchestrator: ModelOrchestrator,
    request: Request,
    store: HistoryStore,
    item: OwnedItem,
    options: Mapping[str, object],
) -> schema.TranscriptionResponse:
    """The transcription of an item with other decoding options.

    Raises:
        InputError: an option cannot be used, or the item is not there or has no emission.
        RequestFailed: the task failed.
    """
    _check_names(options, {*OPTION, "letter_case"})
    decoding = parse_options(**{name: options.get(name) for name in OPTION})
    case = parse_export(letter_case=options.get("letter_case")).letter_case
    owner, item_id = item
    cached = await restored(store, owner, item_id)
    orchestrator.restore(item_id, cached)
    _, names = turns_of_labels(next(iter(cached.answers.values())).transcript.words)
    task = AudioTask(
        wants=frozenset({Want.TRANSCRIPT, Want.SPEAKERS} if names else {Want.TRANSCRIPT}),
        speaker_names=names,
        decoding=decoding,
        session=cached.session,
        cached_id=item_id,
        history=owner,
    )
    result = await run_while_connected(orchestrator, request, task)
    return schema.transcription(result, decoding, ExportOptions(letter_case=case))


async def align_again(
    orchestrator: ModelOrchestrator,
    request: Request,
    store: HistoryStore,
    item: OwnedItem,
    body: Mapping[str, object],
) -> schema.AlignmentResponse:
    """When each word of a text is spoken in the recording of an item.

    Raises:
        InputError: the text cannot be used, or the item is not there or has no emission.
        RequestFailed: the task failed.
    """
    _check_names(body, {*EXPORT_OPTION, "text", *_STRETCH})
    text = text_to_align(body.get("text"))
    stretch = parse_stretch(*(body.get(name) for name in _STRETCH))
    owner, item_id = item
    cached = await restored(store, owner, item_id)
    orchestrator.restore(item_id, cached)
    wants = frozenset({Want.ALIGNMENT})
    task = AudioTask(
        wants=wants, text=text, session=cached.session, cached_id=item_id, stretch=stretch
    )
    result = await run_while_connected(orchestrator, request, task)
    return schema.alignment(result, text, stretch)


def _check_names(given: Mapping[str, object], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise InputError(
            f"The field “{unknown[0][:40]}” is unknown.",
            code="request.bad_value",
            hint=f"Use {', '.join(sorted(known))}.",
            metadata={"field": unknown[0][:40]},
        )

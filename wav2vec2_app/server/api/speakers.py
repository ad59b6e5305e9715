"""Labelled speakers of a request: its form fields."""

from __future__ import annotations

from dataclasses import replace

from wav2vec2_app.server.api.form import is_true
from wav2vec2_app.server.api.openai_json import DIARIZED_JSON
from wav2vec2_app.server.api.uploads import Upload
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.speakers import parse_names


def with_speakers(task: AudioTask, upload: Upload, response_format: str) -> AudioTask:
    """``task`` with what the form wants of speakers; ``diarized_json`` labels them anyway.

    Raises:
        InputError: ``request.bad_value``, ``speakers.bad_names``.
    """
    names = parse_names(list(upload.all("speaker_names")) or "")
    if len(names) == 1:  # several in one field
        names = parse_names(upload.get("speaker_names", ""))
    wanted = is_true(upload, "diarize", "false") or response_format == DIARIZED_JSON
    wants = task.wants | {Want.SPEAKERS} if wanted else task.wants
    return replace(task, wants=wants, speaker_names=names)

"""The error codes in the source of the package, and the table of them in ``docs/api.md``.

A code is the ``code`` of a call of an error class, or the default code of a class. :data:`ROWS` describes the
codes; :func:`code_table` raises if a code of the source has no row, or a row has no code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from wav2vec2_app import errors
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.api.errors import status_of

PACKAGE = Path(__file__).parents[1] / "wav2vec2_app"

ROWS: Final[Sequence[tuple[str, str]]] = (
    ("audio.missing", "The request has no file."),
    ("audio.too_long audio.too_large",
     "The audio exceeds the limits in `/capabilities`. It is rejected before it is decoded."),
    ("parallel.too_large",
     "The recording needs more than all requests together may use at the same time."),
    ("audio.no_samples audio.too_short audio.not_finite audio.bad_rate audio.too_many_channels",
     "The audio cannot be used: no or too few samples, NaN or infinity, an unusable format."),
    ("audio.needs_memory",
     "The file is small, but needs more memory than decoding may use."),
    ("audio.missing_beginning",
     "The file is a later piece of a recording. Join all pieces in order and send them as one file."),
    ("audio.no_such_track", "The file has no audio track of that number."),
    ("audio.*", "The file is empty, is not audio, or cannot be decoded."),
    ("request.malformed request.bad_value request.several_files",
     "The form, or one of its fields, is invalid, or it has several files."),
    ("request.origin_not_allowed", "A page of another site called, and the settings do not allow it."),
    ("language.unsupported", "The model does not transcribe the requested language."),
    ("request.quarantined",
     "The input crashed the process that worked on it twice. It is rejected for ten minutes."),
    ("decoder.unknown decoder.bad_value", "A decoding option is invalid."),
    ("export.bad_value", "An export option, or a replacement rule, is invalid."),
    ("export.unknown_format", "There is no such export format."),
    ("speakers.bad_names", "The names of the speakers are too many, too long, or not different."),
    ("speakers.extra_missing speakers.broken",
     "In `problems`: the extra `speakers` is missing or damaged; the transcript has no labels. A batch "
     "with `diarize` is rejected."),
    ("export.bad_words", "The words that were corrected on the page cannot be used."),
    ("export.needs_folder export.unwritable",
     "Command line only: a format needs `--to`, or its file cannot be written."),
    ("backend.busy backend.unreachable backend.not_deployed",
     "The workers run on a Ray cluster, which cannot be reached, has no replicas, or is busy."),
    ("backend.ray_missing backend.unauthorized deployment.bad_count",
     "Server and command line only: the Ray cluster cannot be used with these settings."),
    ("schema.unknown", "No JSON schema is published under this name."),
    ("decoder.not_available decoder.wrong_language",
     "There is no beam decoder on this system, or none for the characters of this model."),
    ("hotwords.too_many hotwords.too_long", "The list of hotwords, or one of them, is too long."),
    ("align.empty_text align.text_too_long align.too_long",
     "The text to align is missing or too long."),
    ("align.other_script", "No word of the text can be spelled with the letters of the model."),
    ("align.bad_part", "The part of the recording that a text is aligned with does not exist."),
    ("align.bad_words align.no_transcript",
     "Page only: corrected words cannot be used, or the transcript that they are of is gone."),
    ("find.no_query find.no_letters find.silent_query find.bad_stretch find.stretch_length "
     "find.query_too_long find.too_long find.other_alphabet",
     "What is searched for is missing, silent, too short or too long, or cannot be spelled."),
    ("channels.separate",
     "A text cannot be aligned with separate channels. Send the recording with its channels mixed."),
    ("explore.too_long explore.silent explore.bad_layer",
     "The layers of the part cannot be shown: it is above 30 s or silent, or has no such layer."),
    ("model.no_layers",
     "The transcript is by a model that has no CTC head right after its layers, such as Whisper."),
    ("explore.*",
     "A part or a word to explore cannot be used: no length, not a number, or no such channel."),
    ("compare.*",
     "The variants of a comparison cannot be used: too few or too many, two that are the same, JSON "
     "that is not valid, or a reference that is too long."),
    ("synthesis.below_threshold synthesis.no_transcripts",
     "In `problem` of a comparison: no transcript meets the quality threshold."),
    ("synthesis.*",
     "An option of the synthesis is invalid: a weight that is negative, not finite or for an unknown "
     "name, weights that are all 0, a threshold outside 0 to 1, an unknown conflict resolution."),
    ("task.not_*",
     "The result of that request is not in the result cache. Send the recording again."),
    ("features.too_long picture.*",
     "In `problems` only: features or a picture cannot be computed."),
    ("describe.bad_question", "The question about the sound is too long, or not a text."),
    ("describe.*",
     "In `problems`, unless nothing but a description was requested: the description server cannot be "
     "reached, is closed or busy, failed, or gave an unusable answer."),
    ("model.downloading", "The model is being downloaded. `Retry-After` says when to try again."),
    ("model.*", "The model does not exist, is not allowed, or cannot be used."),
    ("access.*",
     "The host name, the origin of the page, or the API key is not accepted; see "
     "[Access](#access)."),
    ("client.*",
     "One client has too many requests, bytes, downloads or sessions. `Retry-After` says when to try "
     "again."),
    ("queue.full live.busy", "Too many requests or sessions. `Retry-After` says when to try again."),
    ("circuit.open resource.* worker.* app.not_running",
     "The server cannot process the request now: an operation is paused after failures, memory or disk "
     "space is exhausted, a worker failed, or the server is stopping."),
    ("history.bad_words", "The words, or the body, of a correction cannot be stored."),
    ("history.not_found history.no_audio",
     "This history has no such item, or not its recording; another browser or key may have it."),
    ("mcp.busy", "Too many programs use the tools at the same time. `Retry-After` says when to try again."),
    ("mcp.extra_missing", "The tools are enabled, and the extra `mcp` is not installed."),
    ("history.off batch.off", "The operator has disabled the history, or batches."),
    ("history.busy history.too_large",
     "In `problem` of the history: the latest result was not stored."),
    ("history.*",
     "The history key, a name or a tag cannot be used, or the item has no emission."),
    ("batch.not_found", "There is no such batch for this key."),
    ("batch.file_sent", "A file of a batch was sent twice."),
    ("batch.full batch.too_many", "Too much waits to be transcribed. Try again later."),
    ("batch.interrupted",
     "The reason of a file of a batch: the server stopped several times while it transcribed it."),
    ("batch.in_use", "Another server runs the batches of the storage folder."),
    ("batch.*", "The batch has no files or too many, its JSON is invalid, or a pattern finds no files."),
    ("storage.*",
     "The history or the batches cannot be stored or read: the disk is full, the database is locked, "
     "damaged or from a newer version. Transcription is not affected."),
    ("task.cancelled", "The request was cancelled."),
    ("task.timeout", "The processing exceeded its deadline."),
    ("live.model", "The model gives no emission, so it cannot make live captions."),
    ("live.idle live.*", "A live session ended; see [Live captions](#live-captions-v1live)."),
    ("parallel.bad_limit settings.*", "At the start only: a setting is invalid."),
    ("text.unreadable replay.*", "Command line only: a file cannot be read."),
    ("internal adapter.* bridge.* emission.missing input.invalid service.state "
     "task.duplicate_id task.missing_input",
     "A defect of the application. Report the `request_id`."),
)  # fmt: skip
"""Codes (with ``*`` for the rest) and what happened. A code belongs to the first row that matches it."""


def code_table() -> str:
    """The table of error codes.

    Raises:
        ValueError: a code of the source is in no row, or a pattern of a row matches no code.
    """
    lines = ["| code | what happened | HTTP |", "| --- | --- | --- |"]
    codes = error_codes(PACKAGE)
    for patterns, meaning in ROWS:
        matching = {
            code: codes.pop(code)
            for pattern in patterns.split()
            for code in _matches(pattern, codes)
        }
        if not matching:
            raise ValueError(f"no code of the source matches {patterns!r}")
        statuses = sorted({str(status) for found in matching.values() for status in found})
        names = ", ".join(f"`{code}`" for code in matching)
        lines.append(f"| {names} | {meaning} | {', '.join(statuses)} |")
    if codes:
        raise ValueError(f"codes without a row in tools/error_codes.py: {', '.join(sorted(codes))}")
    return "\n".join(lines) + "\n"


def error_codes(package: Path) -> dict[str, set[int]]:
    """The codes in the source of a package, and the HTTP status codes of the errors with that code."""
    codes: dict[str, set[int]] = {}
    for path in sorted(package.rglob("*.py")):
        for kind, code in _calls(ast.parse(path.read_text("utf-8"))):
            codes.setdefault(code, set()).add(status_of(kind("", code=code)))
    for kind in ERROR_CLASSES.values():
        error = kind("")
        codes.setdefault(error.code, set()).add(status_of(error))
    return codes


ERROR_CLASSES: Final[Mapping[str, type[Wav2Vec2Error]]] = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, Wav2Vec2Error) and value is not Wav2Vec2Error
}


def _calls(tree: ast.Module) -> Iterator[tuple[type[Wav2Vec2Error], str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = ERROR_CLASSES.get(node.func.id)
            for keyword in node.keywords:
                if kind and keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield kind, str(keyword.value.value)


def _matches(pattern: str, codes: Mapping[str, object]) -> list[str]:
    return sorted(code for code in codes if fnmatchcase(code, pattern))

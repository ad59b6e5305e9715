"""The export of a whole history as a ZIP file."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.storage.errors import translated
from wav2vec2_app.server.storage.files import FILE_FORMATS, as_written
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.names import FileNames
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT

LISTING: Final = "history.json"


async def exported(store: HistoryStore, owner: str) -> Path:
    """A temporary ZIP file with all items of an owner: their files, their recordings, and a listing.

    Raises:
        ResourceError: ``storage.…``; nothing is left behind.
    """
    with translated():
        handle, name = tempfile.mkstemp(prefix="wav2vec2-", suffix=".zip")
        os.close(handle)
    path = Path(name)
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        await _write(store, owner, path)
        undo.pop_all()
    return path


async def _write(store: HistoryStore, owner: str, path: Path) -> None:
    names, listing = FileNames({LISTING}), list[schema.JsonObject]()
    with translated(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(found: schema.StoredTranscriptionResponse, audio: Path | None) -> None:
            stem = names.stem_for(found.item.name)
            answer = as_written(found, DEFAULT_EXPORT.letter_case)
            for one in FILE_FORMATS.values():
                archive.writestr(f"{stem}.{one.ending}", one.write(answer, DEFAULT_EXPORT))
            if audio is not None and audio.is_file():
                archive.write(audio, f"{stem} (recording){audio.suffix}", zipfile.ZIP_STORED)
            listing.append({**found.item.json_dict(), "file": stem})

        await store.everything(owner, add)
        archive.writestr(LISTING, json.dumps(listing, ensure_ascii=False, indent=2))

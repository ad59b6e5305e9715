"""A worker whose decoder crashes on marked files, in place of a decoder with a fault; for the soak test.

``CRASHING_WORKER`` is the program of :data:`wav2vec2_app.server.pools.WORKER` with that change.
"""

from __future__ import annotations

import os
from pathlib import Path

from wav2vec2_app.speech.audio import AudioSource

MARKER = b"POISON: this file crashes the decoder"

CRASHING_WORKER = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); "
    "from benchmarks.crashing_worker import main; sys.exit(main())"
)


def main() -> int:
    """Run a worker of any role."""
    from wav2vec2_app.worker import __main__ as program
    from wav2vec2_app.worker.audio import decode as audio

    decode = audio.decode

    def decode_or_crash(source: AudioSource, **options: object) -> object:
        data = source.data if source.path is None else source.path.read_bytes()
        if MARKER in (data or b""):
            os.abort()
        return decode(source, **options)  # type: ignore[arg-type]

    audio.decode = decode_or_crash  # type: ignore[assignment]
    return program.main()

"""Uncompressed audio, decoded by libsndfile, which knows every encoding of WAV, AIFF, AU and CAF."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import soundfile

from wav2vec2_app.worker.audio.formats import Format
from wav2vec2_app.worker.audio.reader import Block, Header
from wav2vec2_app.worker.audio.repair import Repaired

BLOCK_SAMPLES = 1 << 18
"""Samples over all channels in one block: bounds the memory of a file with many channels."""


class SoundFileReader:
    """Reads blocks through libsndfile.

    Raises:
        RuntimeError: libsndfile does not know the encoding.
    """

    def __init__(self, repaired: Repaired, format_: Format) -> None:
        repaired.file.seek(0)
        self._file = soundfile.SoundFile(repaired.file, mode="r")
        self.damaged = False
        self.reached_s = 0.0
        self.warnings = repaired.warnings
        self._present_s: float = max(self._file.frames, 0) / max(self._file.samplerate, 1)
        self.header = Header(
            format=f"{format_.name}/{self._file.subtype.lower()}",
            rate_hz=self._file.samplerate,
            channels=self._file.channels,
            duration_s=self._present_s * repaired.claimed_ratio,
            exact=True,
        )

    def blocks(self) -> Iterator[Block]:
        frames = max(1, BLOCK_SAMPLES // self._file.channels)
        while True:
            try:
                samples = self._file.read(frames, dtype="float32", always_2d=True)
            except RuntimeError:
                self.damaged = True
                return
            if not len(samples):
                return
            yield Block(samples, self.header.rate_hz)

    def outlasts(self, limit_s: float, on_block: Callable[[], None]) -> bool:
        return self._present_s > limit_s

    def survey_duration_s(self) -> tuple[float, bool]:
        return self._present_s, True

    def close(self) -> None:
        self._file.close()

"""Puts the mix and the channels of a recording one after the other, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.audio.downmix import loudest_of_cancelling
from wav2vec2_app.worker.audio.output import ChannelRecording


def one_after_the_other(
    recordings: Sequence[ChannelRecording], spool: Path | None, on_block: Callable[[], None]
) -> ChannelRecording:
    """The mix and the samples of all channels, of equal length; a single channel has no mix.

    In the file ``spool`` if one of them is in a file; their own files are removed. ``on_block`` is called
    after each block and may raise to cancel.
    """
    try:
        if len(recordings) == 1:
            return _moved(recordings[0], spool)
        length = max(recording.count for recording in recordings)
        count = length * (1 + len(recordings))
        blocks = _blocks(recordings, length, on_block)
        if spool is None or all(recording.file is None for recording in recordings):
            return ChannelRecording(count, np.concatenate(list(blocks)))
        with spool.open("wb") as file:
            for block in blocks:
                file.write(block.tobytes())
        return ChannelRecording(count, file=spool)
    finally:
        for recording in recordings:
            if recording.file != spool:
                recording.remove()


def _moved(recording: ChannelRecording, spool: Path | None) -> ChannelRecording:
    """``recording`` in the file ``spool``, if it is in a file."""
    if recording.file is None or spool is None:
        return recording
    return ChannelRecording(recording.count, file=recording.file.replace(spool))


def _blocks(
    recordings: Sequence[ChannelRecording], length: int, on_block: Callable[[], None]
) -> Iterator[Float32]:
    """The blocks of the mix, then those of each channel."""
    for block in _mix(recordings, length):
        yield block
        on_block()
    for recording in recordings:
        for block in recording.blocks(length):
            yield block
            on_block()


def _mix(recordings: Sequence[ChannelRecording], length: int) -> Iterator[Float32]:
    """The mean of the channels, or the loudest one where they cancel each other out."""
    loudest = _cancelled_by(recordings, length)
    if loudest is not None:
        yield from recordings[loudest].blocks(length)
        return
    for blocks in zip(*(recording.blocks(length) for recording in recordings), strict=True):
        yield np.mean(blocks, axis=0, dtype=np.float32)


def _cancelled_by(recordings: Sequence[ChannelRecording], length: int) -> int | None:
    """The loudest channel if the channels cancel each other out."""
    mean, powers = 0.0, np.zeros(len(recordings))
    for blocks in zip(*(recording.blocks(length) for recording in recordings), strict=True):
        mixed = np.mean(blocks, axis=0, dtype=np.float32)
        mean += float(np.vdot(mixed, mixed))
        powers += [float(np.vdot(block, block)) for block in blocks]
    return loudest_of_cancelling(mean / length, powers / length)

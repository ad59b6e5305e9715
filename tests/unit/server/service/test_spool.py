"""Decoded audio on disk."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from wav2vec2_app.server.service.spool import Spool, release


def test_samples_are_read_from_the_file_and_the_file_goes_with_them() -> None:
    spool = Spool()
    path = spool.new_path()
    np.arange(1000, dtype=np.float32).tofile(path)

    samples = spool.open(path, 1000)
    tail = samples[990:]
    del samples
    gc.collect()

    assert tail.tolist() == list(range(990, 1000))
    del tail
    gc.collect()
    assert not path.exists()
    spool.close()


def test_system_that_keeps_names_of_open_files_loses_them_with_the_array(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    spool = Spool()
    path = spool.new_path()
    np.zeros(10, np.float32).tofile(path)
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    samples = spool.open(path, 10)
    monkeypatch.setattr(Path, "unlink", unlink)

    assert path.exists()
    del samples
    gc.collect()

    assert not path.exists()
    spool.close()


def test_discarding_and_closing_leave_nothing_and_can_be_repeated() -> None:
    spool = Spool()
    spool.close()
    path = spool.new_path()
    path.write_bytes(b"1234")

    spool.discard(path)
    spool.discard(path)
    assert not path.exists()
    assert path.parent.exists()
    spool.close()
    spool.close()
    assert not path.parent.exists()


def test_samples_stay_readable_when_their_memory_is_given_back() -> None:
    spool = Spool()
    path = spool.new_path()
    np.arange(100_000, dtype=np.float32).tofile(path)
    samples = spool.open(path, 100_000)
    assert samples.sum() > 0

    release(samples)
    release(np.zeros(3, np.float32))

    assert samples[-1] == 99_999
    del samples
    spool.close()

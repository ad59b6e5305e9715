"""The download role fetches the files of the kind of model that is requested."""

from __future__ import annotations

from typing import Any

import pytest

from wav2vec2_app.protocol.download import DownloadProgress, DownloadRequest, DownloadResponse
from wav2vec2_app.worker.operations import download
from wav2vec2_app.worker.operations.download import create


class Context:
    """Notes the progress."""

    def __init__(self) -> None:
        self.reported: list[DownloadProgress] = []

    def check_cancelled(self) -> None: ...

    def progress(self, message: DownloadProgress) -> None:
        self.reported.append(message)


@pytest.mark.parametrize(("kind", "name"), [("ctc", "fetch"), ("whisper", "fetch_whisper")])
def test_files_of_the_kind_are_fetched(
    monkeypatch: pytest.MonkeyPatch, kind: Any, name: str
) -> None:
    fetched: list[tuple[str, str, float]] = []
    for function in ("fetch", "fetch_whisper"):

        def fake(model: str, report: Any, *, timeout_s: float, function: str = function) -> None:
            report(1, 2)
            fetched.append((function, model, timeout_s))

        monkeypatch.setattr(download, function, fake)
    context = Context()

    handler = create({"timeout_s": 3.0}).by_op["download"]
    answer = handler.run(DownloadRequest("a/b", kind), context)

    assert fetched == [(name, "a/b", 3.0)]
    assert (answer, context.reported) == (DownloadResponse("a/b"), [DownloadProgress(1, 2)])

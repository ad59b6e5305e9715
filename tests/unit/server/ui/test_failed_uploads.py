"""An upload to the page that fails while it arrives leaves no file behind."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from starlette.datastructures import Headers

from wav2vec2_app.server.ui.gradio_internals import discard_failed_uploads

BEGINNING = (
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n' + b"RIFF" * 100
)


async def upload(failure: BaseException) -> AsyncIterator[bytes]:
    """The beginning of a form, then what ends it."""
    yield BEGINNING
    raise failure


def parser(stream: AsyncIterator[bytes], folder: Path) -> GradioMultiPartParser:
    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    return GradioMultiPartParser(headers, stream, upload_dir=folder, max_file_size=10_000)


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "full"), ConnectionResetError(), KeyboardInterrupt()],
    ids=["full disk", "connection closed", "stopped"],
)
async def test_upload_that_ends_early_leaves_nothing(
    tmp_path: Path, failure: BaseException
) -> None:
    discard_failed_uploads()
    discard_failed_uploads()  # may be repeated

    with pytest.raises(type(failure)):
        await parser(upload(failure), tmp_path).parse()

    assert list(tmp_path.iterdir()) == []


async def test_disk_that_is_full_when_a_block_is_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    async def whole() -> AsyncIterator[bytes]:
        yield BEGINNING + b"\r\n--x--\r\n"

    monkeypatch.setattr(GradioUploadFile, "write", full)
    discard_failed_uploads()

    with pytest.raises(OSError, match="full"):
        await parser(whole(), tmp_path).parse()

    assert list(tmp_path.iterdir()) == []


async def test_complete_upload_stays(tmp_path: Path) -> None:
    async def whole() -> AsyncIterator[bytes]:
        yield BEGINNING + b"\r\n--x--\r\n"

    discard_failed_uploads()

    await parser(whole(), tmp_path).parse()

    [file] = tmp_path.iterdir()
    assert file.read_bytes() == b"RIFF" * 100

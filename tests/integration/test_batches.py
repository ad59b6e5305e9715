"""A batch with broken files, while the server is killed and started again."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.server import running_server
from tests.examples import clips

pytestmark = pytest.mark.integration

ROUTE = "/v1/transcription-batches"
KEY = {"X-History-Key": "a key of this test only".replace(" ", "-")}
POLL_S = 0.1


def state(client: httpx.Client, batch: str) -> Any:
    return client.get(f"{ROUTE}/{batch}").json()


def wait_until(client: httpx.Client, batch: str, finished: int) -> Any:
    """The batch once so many files are finished; the time limit is that of the test."""
    while True:
        found = state(client, batch)
        if found["counts"]["done"] + found["counts"]["failed"] >= finished:
            return found
        time.sleep(POLL_S)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.matrix
@pytest.mark.parametrize("count", [12, 50])
def test_killed_server_continues_its_batch_and_does_nothing_twice(
    tmp_path: Path, count: int
) -> None:
    broken = range(4, count, 10)
    environment = {
        "WAV2VEC2_MODEL": "embedded",
        "WAV2VEC2_STORAGE_FOLDER": str(tmp_path),
        "WAV2VEC2_LIVE_SESSIONS": "0",
    }
    files = []
    for number in range(count):
        content = b"not audio" if number in broken else clips()[number % 3].path.read_bytes()
        files.append(("file", ("same name.flac" if number < 2 else f"{number}.flac", content)))

    with running_server(environment) as server:
        with httpx.Client(base_url=server.url, headers=KEY, timeout=60) as client:
            batch = client.post(ROUTE, files=files).json()["id"]
            before = wait_until(client, batch, count // 4)
        server.process.kill()
        server.process.wait()
    with (
        running_server(environment) as server,
        httpx.Client(base_url=server.url, headers=KEY, timeout=60) as client,
    ):
        after = wait_until(client, batch, count)
        archive = zipfile.ZipFile(io.BytesIO(client.get(f"{ROUTE}/{batch}/results").content))

    counts = after["counts"]
    assert (counts["done"], counts["failed"], after["finished"]) == (
        count - len(broken),
        len(broken),
        True,
    )
    known = {
        file["number"]: file for file in before["files"] if file["state"] in ("done", "failed")
    }
    assert len(known) >= count // 4
    assert [file for file in after["files"] if file["number"] in known] == list(known.values())
    texts = [name for name in archive.namelist() if name.endswith(".txt")]
    assert len(texts) == len(set(texts)) == count - len(broken)
    summary = archive.read("summary.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(summary)))
    assert len([row for row in rows if row["state"] == "failed" and row["reason"]]) == len(broken)
    assert len(rows) == count
    assert list(tmp_path.glob("batch-uploads/*/*")) == []

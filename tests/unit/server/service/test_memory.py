import asyncio
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wav2vec2_app.memory import private_bytes
from wav2vec2_app.server.service.memory import (
    REPLACED_EVERY_S,
    MemoryGuard,
    MemoryMeter,
    inference_bytes,
    over_share,
)
from wav2vec2_app.server.status import MemoryReport, ProcessMemory


def test_report_has_this_process_and_its_workers_against_the_limit() -> None:
    meter = MemoryMeter(limit_bytes=1000)

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        report = meter.report({"audio": child.pid}, model_bytes=7)
        child.communicate(b"\n")

    assert [process.name for process in report.processes] == ["server", "audio"]
    assert report.processes[0].pid == os.getpid()
    assert all(0 < p.rss_bytes <= p.peak_rss_bytes for p in report.processes)
    assert report.total_rss_bytes == sum(p.rss_bytes for p in report.processes)
    assert (report.limit_bytes, report.model_bytes) == (1000, 7)


def test_process_that_has_ended_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    report = MemoryMeter(limit_bytes=1).report({"audio": child.pid}, model_bytes=0)

    assert [process.name for process in report.processes] == ["server"]


def test_peak_survives_after_memory_is_given_back() -> None:
    meter = MemoryMeter(limit_bytes=1)
    ballast = bytearray(os.urandom(1024)) * 64 * 1024
    high = meter.report({}, model_bytes=0).processes[0]
    del ballast

    low = meter.report({}, model_bytes=0).processes[0]

    assert low.peak_rss_bytes >= high.rss_bytes


def report(limit: int, **sizes: int) -> MemoryReport:
    """A report of processes with these sizes; an underscore in a name stands for a hyphen."""
    return MemoryReport(
        tuple(
            ProcessMemory(name.replace("_", "-"), number, size, size)
            for number, (name, size) in enumerate(sizes.items())
        ),
        limit,
        0,
    )


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"server": 100, "audio": 100, "text": 100, "inference": 300}, []),
        ({"server": 100, "audio": 101, "text": 100, "inference": 300}, ["audio"]),
        ({"server": 900, "audio": 10, "text": 10, "inference": 10}, []),
        ({"server": 100, "audio": 150, "text": 400, "inference": 300}, ["text", "audio"]),
        ({"server": 10, "audio": 10, "text": 10, "inference": 900}, ["inference"]),
        (
            {"server": 10, "audio": 10, "text": 10, "inference": 400, "inference_1": 300},
            ["inference", "inference-1"],
        ),
    ],
)
def test_workers_over_their_share_are_found_above_the_limit(
    sizes: dict[str, int], expected: list[str]
) -> None:
    assert [process.name for process in over_share(report(600, **sizes))] == expected


def test_one_worker_is_replaced_at_a_time_and_one_that_cannot_be_is_passed_over() -> None:
    requested: list[int] = []

    def replace(pid: int) -> bool:
        requested.append(pid)
        return pid == 1

    guard = MemoryGuard(lambda: report(600, server=1, audio=300, text=900, inference=1), replace)
    replaced = guard.check()
    assert replaced is not None
    assert (replaced.name, requested) == ("audio", [2, 1])


def test_worker_that_needs_more_than_its_share_is_not_replaced_over_and_over() -> None:
    now = [100.0]
    guard = MemoryGuard(
        lambda: report(600, server=1, inference=900), lambda _: True, clock=lambda: now[0]
    )
    assert guard.check() is not None
    assert guard.check() is None
    now[0] += REPLACED_EVERY_S
    assert guard.check() is not None


def test_worker_that_has_not_grown_since_its_start_is_not_replaced() -> None:
    """A process on CUDA needs gigabytes; its successor would need as much."""
    sizes = report(600, server=1, audio=10, inference=900)

    assert over_share(sizes, {2: 900}) == ()
    assert [process.name for process in over_share(sizes, {2: 600})] == ["inference"]


@pytest.mark.parametrize("mapped", [0, 10**9, 10**12])
def test_mapped_files_and_device_memory_do_not_count(mapped: int) -> None:
    processes = (
        ProcessMemory("server", 1, 100 + mapped, 100 + mapped, 100),
        ProcessMemory("inference", 2, 300 + mapped, 300 + mapped, 300),
    )
    sizes = MemoryReport(processes, 600, 0)

    assert sizes.total_bytes == 400
    assert over_share(sizes) == ()


def test_mapped_file_is_resident_and_not_private(tmp_path: Path) -> None:
    size = 64 << 20
    path = tmp_path / "weights"
    with path.open("wb") as file:
        file.truncate(size)
    before = private_bytes()
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped:
        touched = sum(mapped[::4096])
        with_map = private_bytes()
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as written:
        written[::4096] = b"x" * (
            size // 4096
        )  # not from the allocator, which may have free memory
        with_written = private_bytes()

    assert touched == 0
    assert with_map - before < size / 2
    assert with_written - with_map > size / 2


def test_process_that_does_not_exist_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    assert private_bytes(child.pid) == 0


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"server": 100, "audio": 100, "text": 100, "inference": 200}, 300),
        ({"server": 100, "audio": 100, "inference": 300, "inference_1": 500}, 200),
        ({"server": 900, "inference": 1}, 0),
        ({"server": 100}, 500),
    ],
)
def test_inference_worker_may_use_what_the_others_leave(
    sizes: dict[str, int], expected: int
) -> None:
    assert inference_bytes(report(600, **sizes)) == expected


async def test_models_are_unloaded_before_a_worker_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wav2vec2_app.server.service.memory.CHECK_EVERY_S", 0.0)
    inference, replaced, relieved = [900], [], asyncio.Event()

    async def relieve() -> None:
        inference[0] = 100
        relieved.set()

    guard = MemoryGuard(
        lambda: report(600, server=1, inference=inference[0]),
        lambda pid: bool(replaced.append(pid)),
        relieve=relieve,
    )
    task = asyncio.create_task(guard.run())
    await relieved.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})

    assert replaced == []


def test_nothing_is_replaced_below_the_limit() -> None:
    def replace(pid: int) -> bool:
        raise AssertionError(pid)

    assert MemoryGuard(lambda: report(600, server=1, audio=300), replace).check() is None

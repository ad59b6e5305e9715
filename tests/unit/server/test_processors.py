"""Processors that may be used, in containers and out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wav2vec2_app.server import processors
from wav2vec2_app.server.processors import threads_of_a_worker, usable_processors
from wav2vec2_app.server.worker_configs import _inference_config
from wav2vec2_app.settings import Settings


@pytest.fixture(autouse=True)
def sixty_four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)


def machine(folder: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """The mounted control groups, and the file that names those of the process."""
    for name, text in files.items():
        path = folder / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "own").write_text(own)
    return folder / "cgroup", folder / "own"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "350000 100000\n"}, 3),
        ("0::/\n", {}, 64),
        ("0::/\n", {"cpu.max": "nonsense\n"}, 64),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "max 100000\n"}, 4),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "300000 100000\n"}, 3),
        ("0::/host/name\n", {"cpu.max": "200000 100000\n"}, 2),
        (
            "4:cpu,cpuacct:/docker/x\n3:memory:/\n",
            {
                "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "150000\n",
                "cpu,cpuacct/docker/x/cpu.cfs_period_us": "50000\n",
            },
            3,
        ),
        (
            "4:cpu,cpuacct:/docker/x\n",
            {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            2,
        ),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
    ],
)
def test_quota_of_the_container_is_respected(
    tmp_path: Path, own: str, files: dict[str, str], expected: int
) -> None:
    assert usable_processors(*machine(tmp_path, own, files)) == expected


def test_affinity_is_respected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: {3, 7, 9}, raising=False)
    assert usable_processors(tmp_path / "none", tmp_path / "none") == 3


@pytest.mark.parametrize(
    ("usable", "workers", "configured", "expected"),
    [(8, 1, 0, 8), (8, 2, 0, 4), (8, 3, 0, 2), (2, 4, 0, 1), (8, 2, 6, 6)],
)
def test_workers_share_the_processors(
    monkeypatch: pytest.MonkeyPatch, usable: int, workers: int, configured: int, expected: int
) -> None:
    monkeypatch.setattr(processors, "usable_processors", lambda: usable)
    assert threads_of_a_worker(configured, workers) == expected
    settings = Settings(inference_workers=workers, threads=configured)
    assert _inference_config(settings, Path())["threads"] == expected

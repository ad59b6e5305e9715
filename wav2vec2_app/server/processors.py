"""How many processors this process may use: its affinity, and the quota of its container."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def usable_processors(cgroups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """Processors that may be used at the same time, at least 1; a part of one is not counted.

    Args:
        cgroups: where the control groups are mounted (Linux).
        own: the file that names those of this process.
    """
    quotas = [max(1, int(quota)) for quota in _quotas(cgroups, own)]
    return max(1, min([_affinity(), *quotas]))


def threads_of_a_worker(configured: int, workers: int) -> int:
    """Threads of each of ``workers`` inference workers; ``configured`` 0 means an equal share."""
    return configured or max(1, usable_processors() // workers)


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """The processor quotas of the groups of this process and of the groups around them."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        folder = root / name.strip("/")
        # In a container the name may be that of the host, which is not visible here.
        for group in dict.fromkeys((folder, *folder.parents, cgroups / "cpu")):
            if group.is_relative_to(cgroups):
                yield from _quota(group)


def _quota(group: Path) -> Iterator[float]:
    """The quota of one group in processors, if it has one; versions 2 and 1 of control groups."""
    try:
        if (group / "cpu.max").exists():
            limit, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            limit = (group / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (group / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        if limit not in ("max", "-1") and int(period) > 0:
            yield int(limit) / int(period)
    except (OSError, ValueError):
        return

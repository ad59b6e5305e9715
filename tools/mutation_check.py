"""``python -m tools.mutation_check``: whether tests notice when a safeguard of the orchestrator is removed.

Each mutation is applied to a copy of the checkout, and the tests named with it are run there. They have to
fail, and to pass without it. Exit code 1 if a mutation survives; an error if its text is no longer in the
source, or if the tests fail without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
COPIED = ("wav2vec2_app", "tests", "pyproject.toml")
TESTS = "tests/unit/server"


@dataclass(frozen=True)
class Mutation:
    """One safeguard that is removed: ``before`` becomes ``after`` in ``path``."""

    name: str
    path: str
    before: str
    after: str
    tests: str


MUTATIONS: Final = (
    Mutation(
        "circuit breaker",
        "wav2vec2_app/server/orchestrator/breaker.py",
        "if self._consecutive >= self.breaker.policy.failures:",
        "if False:",
        f"{TESTS}/orchestrator/test_breaker.py",
    ),
    Mutation(
        "guard around each step",
        "wav2vec2_app/server/adapters/wrappers.py",
        "with self._guard(task.operation):",
        "if True:",
        f"{TESTS}/orchestrator/test_failures.py",
    ),
    Mutation(
        "retry",
        "wav2vec2_app/server/adapters/retry.py",
        "return error.retryable and",
        "return False and",
        f"{TESTS}/adapters/test_wrappers.py",
    ),
    Mutation(
        "budget of retries",
        "wav2vec2_app/server/adapters/retry.py",
        "self._spent.append(self._clock())",
        "pass",
        f"{TESTS}/adapters/test_wrappers.py",
    ),
    Mutation(
        "order of dependencies",
        "wav2vec2_app/server/orchestrator/graph.py",
        "TopologicalSorter({node.key: node.needs for node in self})",
        "TopologicalSorter({node.key: () for node in self})",
        f"{TESTS}/orchestrator/test_parallel.py",
    ),
    Mutation(
        "limits of memory and audio",
        "wav2vec2_app/server/orchestrator/slots.py",
        "not heavy.demand.within(self.limits, in_use)",
        "False",
        f"{TESTS}/orchestrator/test_parallel.py",
    ),
    Mutation(
        "time limit of a task",
        "wav2vec2_app/server/orchestrator/parallel.py",
        "if limit_s is not None:",
        "if False:",
        f"{TESTS}/orchestrator/test_parallel.py",
    ),
    Mutation(
        "fallback",
        "wav2vec2_app/server/adapters/wrappers.py",
        "if not error.retryable or not others:",
        "if True:",
        f"{TESTS}/adapters/test_wrappers.py",
    ),
    Mutation(
        "voting weights",
        "wav2vec2_app/speech/vote.py",
        "self._voters[number].weight * (1 - share",
        "1.0 * (1 - share",
        "tests/unit/speech/test_rover.py",
    ),
    Mutation(
        "repetition after the loss of a replica",
        "wav2vec2_app/server/bridge/remote.py",
        "if not may_repeat:",
        "if True:",
        f"{TESTS}/bridge/test_remote.py",
    ),
)


def passes(tests: str, folder: Path) -> bool:
    """Whether these tests pass on the copy in ``folder``."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def survives(mutation: Mutation, folder: Path) -> bool:
    """Whether the tests pass although the safeguard is removed.

    Raises:
        ValueError: the text is not in the source.
    """
    path = folder / mutation.path
    source = path.read_text("utf-8")
    if mutation.before not in source:
        raise ValueError(f"{mutation.name}: {mutation.path} has no {mutation.before!r}")
    path.write_text(source.replace(mutation.before, mutation.after, 1), "utf-8")
    try:
        return passes(mutation.tests, folder)
    finally:
        path.write_text(source, "utf-8")


def main() -> int:
    """Try every mutation."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as name:
        folder = Path(name)
        for one in COPIED:
            source = ROOT / one
            if source.is_dir():
                shutil.copytree(source, folder / one, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / one)
        for tests in sorted({mutation.tests for mutation in MUTATIONS}):
            if not passes(tests, folder):
                raise ValueError(f"{tests} fails without a mutation")
        survivors = 0
        for mutation in MUTATIONS:
            survived = survives(mutation, folder)
            survivors += survived
            print(f"{mutation.name}: {'SURVIVES' if survived else 'noticed'}", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

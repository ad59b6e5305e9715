"""Fixtures shared by all tests, and the option ``--thorough``."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import stamina

from tests.checkpoints import save_tiny_checkpoint
from tests.selection import first_variants
from wav2vec2_app.server.ui.gradio_internals import own_upload_folder
from wav2vec2_app.worker.model.resolve import Checkpoint

BUSY = hypothesis.settings(
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.filter_too_much,
        hypothesis.HealthCheck.data_too_large,
    ],
)
"""Neither a busy machine nor a random choice of large arrays makes a test fail."""
hypothesis.settings.register_profile("quick", BUSY, max_examples=40, derandomize=True)
hypothesis.settings.register_profile("thorough", BUSY, max_examples=1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="all variants of tests marked matrix, more fuzzing"
    )


def pytest_configure(config: pytest.Config) -> None:
    stamina.set_testing(True, attempts=10, cap=True)  # as many attempts as usual, without back-off
    hypothesis.settings.load_profile("thorough" if config.getoption("--thorough") else "quick")
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        # Tracing would slow the start of every worker and server by half; unit tests cover them.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        items[:], left_out = first_variants(items)
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test configures: the commands set up logging for the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("wav2vec2_app")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture(scope="session", autouse=True)
def own_uploads() -> Iterator[None]:
    """Keep the uploads of this process's pages apart from those of the other process of a run."""
    with own_upload_folder(os.environ):
        yield


@pytest.fixture(scope="session", autouse=True)
def own_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the history and the batches of tests apart from those of the user."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("storage")
        patch.setenv("WAV2VEC2_STORAGE_FOLDER", str(folder))
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a complete random checkpoint."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_folder: Path) -> Checkpoint:
    return Checkpoint("tiny", tiny_folder, "folder")

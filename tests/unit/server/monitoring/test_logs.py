"""One line a task, readable or JSON, and nothing in it that a person said."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_task
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.events import Failed
from wav2vec2_app.server.monitoring.logs import (
    JsonFormatter,
    ReadableFormatter,
    configure_logging,
    log_task,
)
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask, Operation, Want
from wav2vec2_app.settings import Settings

LOGGER = "wav2vec2_app.server.monitoring.logs"


@pytest.fixture(autouse=True)
def leave_logging_as_it_was() -> Iterator[None]:
    root, package = logging.getLogger(), logging.getLogger("wav2vec2_app")
    handlers, level = list(root.handlers), package.level
    yield
    root.handlers[:] = handlers
    package.setLevel(level)


async def log_of(task: AudioTask, adapter: FakeAdapter) -> None:
    orchestrator = ModelOrchestrator([adapter], clock=FakeClock())
    orchestrator.subscribe(log_task)
    await orchestrator.start()
    async for _ in orchestrator.submit(task):
        pass
    await orchestrator.stop()


async def test_a_finished_task_is_one_line_with_id_stages_and_outcome(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = make_task("secret words.wav", wants=[Want.TRANSCRIPT, Want.PICTURES])
    with caplog.at_level(logging.INFO, LOGGER):
        await log_of(task, FakeAdapter())

    [record] = [r for r in caplog.records if r.name == LOGGER]
    facts = vars(record)
    assert facts["task_id"] == task.id
    assert facts["outcome"] == "done"
    assert facts["wants"] == "pictures+transcript"
    assert "forward" in facts["stages"]
    assert "secret" not in ReadableFormatter().format(record)


async def test_what_was_said_is_logged_at_debug_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        await log_of(make_task("secret words.wav"), FakeAdapter())

    telling = [record for record in caplog.records if "secret words" in record.getMessage()]
    assert [record.levelno for record in telling] == [logging.DEBUG]


async def test_missing_extras_stand_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    adapter = FakeAdapter()
    adapter.fail(Operation.DRAW, InternalError("no ink"))
    with caplog.at_level(logging.INFO, LOGGER):
        await log_of(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]), adapter)

    [record] = [r for r in caplog.records if r.name == LOGGER]
    assert vars(record)["problems"] == {"draw": "internal"}


@pytest.mark.parametrize(
    ("error", "level"),
    [(InputError("bad file"), logging.INFO), (InternalError("our fault"), logging.ERROR)],
)
def test_only_our_failures_are_logged_as_errors(
    error: InputError | InternalError, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task()
    with caplog.at_level(logging.INFO, LOGGER):
        log_task(task, Failed(task.id, 1.5, error))

    [record] = caplog.records
    assert record.levelno == level
    assert vars(record)["code"] == error.code
    assert vars(record)["took_s"] == 1.5


def record_of(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "wav2vec2_app.x", "levelname": "INFO", "msg": message, **extra}
    )


def test_a_json_line_is_one_object_with_the_extra_facts_and_the_traceback() -> None:
    try:
        raise RuntimeError("the whole of it")
    except RuntimeError as error:
        info = (RuntimeError, error, error.__traceback__)
    line = JsonFormatter().format(record_of("two\nlines", task_id="t-1", exc_info=info))

    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "two\nlines"
    assert entry["task_id"] == "t-1"
    assert "the whole of it" in entry["traceback"]


def test_a_readable_line_cannot_be_forged_by_what_it_quotes() -> None:
    line = ReadableFormatter().format(
        record_of("name: a\nb", stages={"draw": 1.0}, file='x "y"\nz')
    )

    assert "\n" not in line
    assert line.endswith('stages=draw:1.0 file="x \\"y\\"\\nz"')


def test_configuring_again_replaces_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    first = configure_logging(Settings(log_level="INFO"))
    second = configure_logging(Settings(log_level="INFO", log_json=True))
    logger = logging.getLogger("wav2vec2_app.x")
    logger.info("once", extra={"task_id": "t-1"})
    logger.debug("not at this level")
    logging.getLogger("another.library").info("not ours")

    assert first not in logging.getLogger().handlers
    assert second in logging.getLogger().handlers
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["task_id"] == "t-1"

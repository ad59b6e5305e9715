"""One line for each task, readable or JSON, without any of what was said."""

from __future__ import annotations

import json
import logging

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_task
from wav2vec2_app.errors import InputError, InternalError, WorkerDiedError
from wav2vec2_app.server.events import BreakerEvent, Failed, Retried, Started, WorkerEvent
from wav2vec2_app.server.monitoring.logs import (
    JsonFormatter,
    ReadableFormatter,
    configure_logging,
    log_event,
)
from wav2vec2_app.server.operations import Operation, Step, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask

LOGGER = "wav2vec2_app.server.monitoring.logs"


async def log_of(task: AudioTask, adapter: FakeAdapter) -> None:
    orchestrator = ModelOrchestrator([adapter], clock=FakeClock())
    orchestrator.events.subscribe(log_event)
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
    assert facts["request_id"] == task.id
    assert facts["outcome"] == "done"
    assert facts["wants"] == "pictures+transcript"
    assert "forward" in facts["stages"]
    assert "secret" not in ReadableFormatter().format(record)


async def test_transcripts_are_logged_at_debug_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        await log_of(make_task("secret words.wav"), FakeAdapter())

    with_words = [record for record in caplog.records if "secret words" in record.getMessage()]
    assert [record.levelno for record in with_words] == [logging.DEBUG]


async def test_missing_extras_are_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
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
def test_only_failures_of_the_application_are_logged_as_errors(
    error: InputError | InternalError, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task()
    with caplog.at_level(logging.INFO, LOGGER):
        log_event(Failed(task, 1.5, error))

    [record] = caplog.records
    assert record.levelno == level
    assert vars(record)["code"] == error.code
    assert vars(record)["took_s"] == 1.5


def test_worker_that_is_ready_is_logged_with_its_role_and_process_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        log_event(WorkerEvent("inference", "ready", pid=4711))

    assert (
        ReadableFormatter()
        .format(caplog.records[0])
        .endswith("worker ready role=inference pid=4711")
    )


@pytest.mark.parametrize("operation", Operation)
def test_steps_are_logged_with_the_id_of_the_task_at_debug_only(
    operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task()
    with caplog.at_level(logging.DEBUG, LOGGER):
        log_event(Started(task, 1.0, Step(operation), 2))

    [record] = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.getMessage() == f"{operation.value} started"
    assert (vars(record)["request_id"], vars(record)["attempt"]) == (task.id, 2)


def test_retries_and_transitions_of_circuit_breakers_are_warnings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = make_task()
    died = WorkerDiedError("gone")
    with caplog.at_level(logging.INFO, LOGGER):
        log_event(Retried(task, 1.0, Step(Operation.DRAW), InternalError("no ink")))
        log_event(WorkerEvent("inference", "retried", error=died))
        log_event(BreakerEvent("fake.draw", "closed", "open"))

    assert [record.getMessage() for record in caplog.records] == [
        "draw failed, trying again",
        "a request to the inference worker is retried",
        "circuit fake.draw: closed -> open",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert vars(caplog.records[0])["request_id"] == task.id
    assert vars(caplog.records[1])["code"] == "worker.died"


def record_of(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "wav2vec2_app.x", "levelname": "INFO", "msg": message, **extra}
    )


def test_a_json_line_is_one_object_with_the_extra_facts_and_the_traceback() -> None:
    try:
        raise RuntimeError("in full")
    except RuntimeError as error:
        info = (RuntimeError, error, error.__traceback__)
    line = JsonFormatter().format(record_of("two\nlines", request_id="t-1", exc_info=info))

    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "two\nlines"
    assert entry["request_id"] == "t-1"
    assert "in full" in entry["traceback"]


def test_a_readable_line_cannot_be_forged_by_what_it_quotes() -> None:
    line = ReadableFormatter().format(
        record_of("name: a\nb", stages={"draw": 1.0}, file='x "y"\nz')
    )

    assert "\n" not in line
    assert line.endswith('stages=draw:1.0 file="x \\"y\\"\\nz"')


def test_configuring_again_replaces_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    first = configure_logging("INFO")
    second = configure_logging("INFO", as_json=True)
    logger = logging.getLogger("wav2vec2_app.x")
    logger.info("once", extra={"request_id": "t-1"})
    logger.debug("not at this level")
    logging.getLogger("another.library").info("not ours")

    assert first not in logging.getLogger().handlers
    assert second in logging.getLogger().handlers
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["request_id"] == "t-1"

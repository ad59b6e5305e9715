"""The worker's loop over pipes, without a process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.frame import NIL_ID, Frame, encode
from wav2vec2_app.protocol.message import (
    AnyHandler,
    BatchPolicy,
    Context,
    Message,
    Request,
    Response,
)
from wav2vec2_app.protocol.reader import read_frame
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker import __main__ as program
from wav2vec2_app.worker.call import Call, Role
from wav2vec2_app.worker.loop import WorkerLoop


@dataclass(frozen=True)
class Info(Message):
    model: str = ""
    calls: int = 0


@dataclass(frozen=True)
class Answer(Response):
    number: int = 0
    batch: int = 0
    request_id: str = ""
    samples: Float32 | None = None


@dataclass(frozen=True)
class Report(Message):
    fraction: float = 0.0
    samples: Float32 | None = None


@dataclass(frozen=True)
class Echo(Request[Answer, Report]):
    op = "echo"
    number: int = 0
    samples: Float32 | None = None


@dataclass(frozen=True)
class Run(Request[Answer, Report]):
    op = "run"


@dataclass(frozen=True)
class Add(Request[Answer, Report]):
    op = "add"
    kind: str
    number: int


@dataclass(frozen=True)
class Beside(Request[Answer, Report]):
    op = "beside"
    background = True
    number: int = 0


Operation = Callable[[Run, Context[Report]], Answer]


def echo(request: Echo, context: Context[Report]) -> Answer:
    assert isinstance(context, Call)
    return Answer(request.number, request_id=context.request_id, samples=request.samples)


ECHO = Echo.handler(echo)


class Parent:
    """The other end of the pipes; the loop runs in a thread of its own."""

    def __init__(self, create: Callable[[], Role]) -> None:
        requests_read, requests_write = os.pipe()
        answers_read, answers_write = os.pipe()
        self.requests = os.fdopen(requests_write, "wb", buffering=0)
        self.answers = os.fdopen(answers_read, "rb")
        self.begun: list[str] = []
        self.left_with: list[int] = []
        self.left = threading.Event()
        self.returned: list[int] = []
        self._in = os.fdopen(requests_read, "rb")
        self._out = os.fdopen(answers_write, "wb")
        loop = WorkerLoop(self._in, self._out, leave=self._leave)
        self.thread = threading.Thread(
            target=lambda: self.returned.append(loop.run(create)), daemon=True
        )
        self.thread.start()

    def _leave(self, code: int) -> None:
        self.left_with.append(code)
        self.left.set()

    def send(self, kind: str, op: str = "", number: int = 0, **fields: Any) -> None:
        frame = Frame(kind, id_of(number), op, fields.get("meta", {}), fields.get("arrays", {}))
        for buffer in encode(frame):
            self.requests.write(buffer)

    def read(self) -> Frame:
        """The next frame but those that say that an operation began, which go to ``begun``."""
        while True:
            frame = read_frame(self.answers)
            assert frame is not None
            if frame.kind != "begun":
                return frame
            self.begun.append(frame.id)

    def close(self) -> None:
        self.requests.close()
        self.thread.join()
        self.left.wait()
        for stream in (self._in, self._out, self.answers):
            stream.close()


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Parent]]:
    monkeypatch.setattr("wav2vec2_app.worker.loop.EXIT_GRACE_S", 0.0)
    parents: list[Parent] = []

    def start(
        *handlers: AnyHandler,
        create: Callable[[], Role] | None = None,
        info: Callable[[], Message] = Info,
    ) -> Parent:
        parents.append(Parent(create or (lambda: Role(handlers, info))))
        return parents[-1]

    yield start
    for parent in parents:
        parent.close()


Serve = Callable[..., Parent]


def test_begin_of_an_operation_is_reported_before_its_result(serve: Serve) -> None:
    parent = serve(ECHO)
    parent.read()
    for number in (1, 2):
        parent.send("request", "echo", number)
        assert parent.read().id == id_of(number)
        assert parent.begun == [id_of(n) for n in range(1, number + 1)]


def test_batch_begins_when_all_of_it_has_arrived(serve: Serve) -> None:
    def add(requests: Sequence[Add]) -> list[Answer]:
        return [Answer(batch=len(requests)) for _ in requests]

    batch = BatchPolicy(add, key=lambda request: request.kind, limit=lambda _: 9)
    parent = serve(Add.handler(lambda request, _: add([request])[0], batch), ECHO)
    parent.read()
    for number in (1, 2, 3):
        meta = {"kind": "a", "number": number, "more": number != 3}
        parent.send("request", "add", number, meta=meta)
        if number == 2:
            parent.send("cancel", number=2)
    assert parent.read().meta["code"] == "task.cancelled"
    assert [parent.read().meta["batch"] for _ in range(2)] == [2, 2]
    assert parent.begun == [id_of(1), id_of(3)]


def test_ready_comes_first_and_says_what_the_worker_is(serve: Serve) -> None:
    ready = serve(ECHO, info=lambda: Info("toy")).read()
    assert (ready.kind, ready.id, ready.meta["model"]) == ("ready", NIL_ID, "toy")


def test_request_is_answered_under_its_id(serve: Serve) -> None:
    parent = serve(ECHO)
    parent.read()
    samples = np.ones(3, np.float32)
    parent.send("request", "echo", 1, meta={"number": 1}, arrays={"samples": samples})
    parent.send("request", "echo", 2, meta={"request_id": "r"})
    first, second = parent.read(), parent.read()
    assert (first.kind, first.id, first.op) == ("result", id_of(1), "echo")
    assert (first.meta["number"], first.meta["request_id"]) == (1, id_of(1))
    assert first.arrays["samples"].tolist() == [1.0, 1.0, 1.0]
    assert (second.meta["number"], second.meta["request_id"]) == (0, "r")


def test_ping_is_answered_while_an_operation_runs(serve: Serve) -> None:
    release = threading.Event()
    calls = 0

    def info() -> Info:
        nonlocal calls
        calls += 1
        return Info(calls=calls)

    def wait(_: Run, __: Context[Report]) -> Answer:
        release.wait()
        return Answer()

    parent = serve(Run.handler(wait), info=info)
    assert parent.read().meta["calls"] == 1
    parent.send("request", "run", 1)
    parent.send("ping", number=2)
    pong = parent.read()
    assert (pong.kind, pong.id, pong.meta["calls"]) == ("pong", id_of(2), 2)
    release.set()
    assert parent.read().kind == "result"


def test_info_that_fails_does_not_stop_the_pong(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def info() -> Info:
        raise RuntimeError

    parent = serve(info=info)
    assert parent.read().kind == "ready"
    parent.send("ping")
    assert parent.read().kind == "pong"
    assert "info of the role failed" in caplog.text


def test_cancel_reaches_the_running_operation(serve: Serve) -> None:
    tick = threading.Event()

    def run(_: Run, context: Context[Report]) -> Answer:
        context.progress(Report(0.5))
        while True:
            context.check_cancelled()
            tick.wait(0.001)

    parent = serve(Run.handler(run))
    parent.read()
    parent.send("request", "run", 1)
    progress = parent.read()
    assert (progress.kind, progress.id, progress.meta["fraction"]) == ("progress", id_of(1), 0.5)
    parent.send("cancel", number=1)
    error = parent.read()
    assert (error.kind, error.id, error.meta["type"]) == ("error", id_of(1), "CancelledError")


def test_waiting_request_is_cancelled_immediately_and_never_run(serve: Serve) -> None:
    release = threading.Event()
    ran: list[str] = []

    def wait(_: Run, context: Context[Report]) -> Answer:
        assert isinstance(context, Call)
        ran.append(context.id)
        release.wait()
        return Answer()

    parent = serve(Run.handler(wait))
    parent.read()
    for number in (1, 2, 3):
        parent.send("request", "run", number)
    parent.send("cancel", number=2)
    cancelled = parent.read()
    assert (cancelled.id, cancelled.meta["code"]) == (id_of(2), "task.cancelled")
    release.set()
    assert [parent.read().id, parent.read().id] == [id_of(1), id_of(3)]
    assert ran == [id_of(1), id_of(3)]


def test_background_operation_runs_beside_the_others(serve: Serve) -> None:
    release = threading.Event()

    def wait(request: Beside, _: Context[Report]) -> Answer:
        release.wait()
        return Answer(request.number)

    parent = serve(Beside.handler(wait), ECHO)
    parent.read()
    for number in (1, 2):
        parent.send("request", "beside", number, meta={"number": number})
    for number in (3, 4):
        parent.send("request", "echo", number)
        assert parent.read().id == id_of(number)
    release.set()
    frames = [parent.read() for _ in range(4)]

    assert [frame.kind for frame in frames] == ["info", "result", "info", "result"]
    assert [frame.meta["number"] for frame in frames[1::2]] == [1, 2]


def test_background_operation_that_fails_says_what_it_changed(serve: Serve) -> None:
    def fail(_: Beside, __: Context[Report]) -> Answer:
        raise ModelError("No.", code="model.unknown")

    parent = serve(Beside.handler(fail), info=lambda: Info("toy"))
    parent.read()
    parent.send("request", "beside", 1)
    info, error = parent.read(), parent.read()

    assert (info.kind, info.id, info.meta["model"]) == ("info", NIL_ID, "toy")
    assert (error.kind, error.id, error.meta["code"]) == ("error", id_of(1), "model.unknown")


@pytest.mark.parametrize("number", [1, 2])
def test_background_operation_is_cancelled_while_it_runs_or_waits(
    serve: Serve, number: int
) -> None:
    tick = threading.Event()
    ran: list[str] = []

    def run(_: Beside, context: Context[Report]) -> Answer:
        assert isinstance(context, Call)
        ran.append(context.id)
        context.progress(Report(0.5))
        while True:
            context.check_cancelled()
            tick.wait(0.001)

    def read_until(kind: str, of: int) -> Frame:
        while (frame := parent.read()).kind != kind or frame.id != id_of(of):
            pass
        return frame

    parent = serve(Beside.handler(run), ECHO)
    parent.read()
    for one in (1, 2):
        parent.send("request", "beside", one)
    read_until("progress", 1)
    parent.send("cancel", number=number)
    assert read_until("error", number).meta["code"] == "task.cancelled"
    other = 3 - number
    if other == 2:
        read_until("progress", 2)
    parent.send("cancel", number=other)
    read_until("error", other)

    assert ran == [id_of(1), id_of(2)][: 3 - number]


def test_cancel_of_something_unknown_is_ignored(serve: Serve) -> None:
    parent = serve(ECHO)
    parent.read()
    parent.send("cancel", number=9)
    parent.send("request", "echo", 1)
    assert parent.read().id == id_of(1)


def raising(error: BaseException) -> Operation:
    def operation(_: Run, __: Context[Report]) -> Answer:
        raise error

    return operation


@pytest.mark.parametrize(
    ("error", "kind", "code", "logged"),
    [
        (InputError("No.", code="audio.empty"), "InputError", "audio.empty", False),
        (ModelError("No.", code="model.unknown"), "ModelError", "model.unknown", True),
        (MemoryError(), "ResourceError", "resource.memory", True),
        (KeyError("secret"), "InternalError", "internal", True),
    ],
)
def test_errors_are_translated_and_only_unexpected_ones_logged_whole(
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    kind: str,
    code: str,
    logged: bool,
) -> None:
    parent = serve(Run.handler(raising(error)), ECHO)
    parent.read()
    parent.send("request", "run", 1, meta={"request_id": "r-1"})
    answer = parent.read()
    assert (answer.kind, answer.meta["type"], answer.meta["code"]) == ("error", kind, code)
    assert "secret" not in str(answer.meta)
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert bool(tracebacks) == logged
    assert all("r-1" in record.getMessage() for record in tracebacks)
    parent.send("request", "echo", 2)
    assert parent.read().kind == "result"


def test_failed_start_is_reported_and_exits_with_its_code(serve: Serve) -> None:
    def create() -> Role:
        raise ModelError("No weights.", code="model.no_weights")

    parent = serve(create=create)
    error = parent.read()
    assert (error.kind, error.id, error.meta["code"]) == ("error", NIL_ID, "model.no_weights")
    parent.thread.join()
    assert parent.returned == [3]


def test_malformed_frame_from_the_server_ends_the_worker(serve: Serve) -> None:
    parent = serve()
    parent.read()
    parent.requests.write(b"\xff\xff\xff\xff")
    parent.left.wait()
    assert parent.left_with[0] == 4


def test_frame_that_no_server_sends_ends_the_worker(serve: Serve) -> None:
    parent = serve()
    parent.read()
    parent.send("result")
    parent.left.wait()
    assert parent.left_with[0] == 4


def test_idle_worker_exits_in_order_when_the_server_is_gone(serve: Serve) -> None:
    parent = serve()
    parent.read()
    parent.requests.close()
    parent.thread.join()
    assert parent.returned == [0]


def test_busy_worker_exits_immediately_when_the_server_is_gone(serve: Serve) -> None:
    release = threading.Event()

    def wait(_: Run, context: Context[Report]) -> Answer:
        context.progress(Report())
        release.wait()
        return Answer()

    parent = serve(Run.handler(wait))
    parent.read()
    parent.send("request", "run", 1)
    parent.read()
    parent.requests.close()
    parent.left.wait()
    assert parent.left_with == [0]
    release.set()


def test_program_serves_the_role_with_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Module:
        @staticmethod
        def create(config: Mapping[str, Any]) -> Role:
            seen["config"] = config
            return Role(())

    def import_module(name: str) -> type[Module]:
        seen["module"] = name
        return Module

    def serve_once(create: Callable[[], Role]) -> int:
        create()
        return 0

    monkeypatch.setattr("importlib.import_module", import_module)
    monkeypatch.setattr(program, "serve", serve_once)
    assert program.main(["--role", "audio", "--config", '{"max_bytes": 1}']) == 0
    assert seen == {"module": "wav2vec2_app.worker.operations.audio", "config": {"max_bytes": 1}}


@pytest.mark.parametrize("arguments", [["--role", "poet"], ["--role", "audio", "--config", "[]"]])
def test_program_refuses_what_it_does_not_know(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.main(arguments)
    assert "error" in capsys.readouterr().err


def test_unknown_operation_is_a_typed_error(serve: Serve) -> None:
    parent = serve()
    parent.read()
    parent.send("request", "fly", 1)
    assert parent.read().meta["code"] == "bridge.unknown_op"


def test_malformed_message_fails_alone(serve: Serve) -> None:
    parent = serve(ECHO)
    parent.read()
    parent.send("request", "echo", 1, meta={"number": "one"})
    parent.send("request", "echo", 2, meta={"number": 2})
    error, answer = parent.read(), parent.read()
    assert (error.kind, error.meta["code"]) == ("error", "bridge.bad_message")
    assert (answer.kind, answer.meta["number"]) == ("result", 2)


# --- batches ---


class Gate:
    """An operation that occupies the worker until the test opens it."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, _: Run, __: Context[Report]) -> Answer:
        self.entered.set()
        self.opened.wait(10)
        return Answer()


def add(request: Add, _: Context[Report]) -> Answer:
    if request.number < 0:
        raise InputError("below zero", code="toy.negative")
    return Answer(request.number + 1, batch=1)


def add_batch(requests: Sequence[Add]) -> list[Answer]:
    assert all(request.number >= 0 for request in requests)
    return [Answer(request.number + 1, batch=len(requests)) for request in requests]


def add_nothing(_: Sequence[Add]) -> list[Answer]:
    return []


RunBatch = Callable[[Sequence[Add]], list[Answer]]


def role(gate: Gate, limit: int = 3, run: RunBatch = add_batch) -> Role:
    """``add`` is answered in batches of one ``kind``."""
    batch = BatchPolicy[Add, Answer](run, key=lambda request: request.kind, limit=lambda _: limit)
    return Role((Run.handler(gate), Add.handler(add, batch)))


def send_while_occupied(serve: Serve, gate: Gate, *metas: dict[str, Any], **options: Any) -> Parent:
    parent = serve(create=lambda: role(gate, **options))
    parent.read()
    parent.send("request", "run", 100)
    gate.entered.wait()
    for number, meta in enumerate(metas):
        parent.send("request", "add", number, meta=meta)
    parent.send("ping")
    assert parent.read().kind == "pong"  # so all before it has been read
    return parent


def test_waiting_requests_that_are_alike_are_answered_as_a_batch(serve: Serve) -> None:
    gate = Gate()
    kinds = ("a", "b", "a", "a", "a")
    parent = send_while_occupied(
        serve, gate, *({"kind": kind, "number": n} for n, kind in enumerate(kinds))
    )
    gate.opened.set()

    assert parent.read().op == "run"
    answers = [parent.read() for _ in kinds]
    assert [answer.id for answer in answers] == [id_of(n) for n in (0, 2, 3, 1, 4)]
    assert [answer.meta["number"] for answer in answers] == [1, 3, 4, 2, 5]
    assert [answer.meta["batch"] for answer in answers] == [3, 3, 3, 1, 1]


@pytest.mark.parametrize("options", [{"limit": 1}, {"run": add_nothing}])
def test_where_there_is_no_batch_each_request_is_answered_alone(
    serve: Serve, options: dict[str, Any]
) -> None:
    gate = Gate()
    parent = send_while_occupied(serve, gate, *[{"kind": "a", "number": 1}] * 3, **options)
    gate.opened.set()
    parent.read()

    assert [parent.read().meta["batch"] for _ in range(3)] == [1, 1, 1]


def test_failing_request_does_not_affect_the_rest_of_its_batch(serve: Serve) -> None:
    gate = Gate()
    parent = send_while_occupied(serve, gate, *({"kind": "a", "number": n} for n in (5, -1, 7)))
    gate.opened.set()
    parent.read()

    answers = [parent.read() for _ in range(3)]
    assert [answer.kind for answer in answers] == ["result", "error", "result"]
    assert answers[1].meta["code"] == "toy.negative"


def test_malformed_request_is_in_no_batch(serve: Serve) -> None:
    gate = Gate()
    parent = send_while_occupied(serve, gate, {"number": 1}, {"kind": "a", "number": 2})
    gate.opened.set()
    parent.read()

    error, answer = parent.read(), parent.read()
    assert error.meta["code"] == "bridge.bad_message"
    assert answer.meta["number"] == 3


def test_request_cancelled_while_waiting_is_in_no_batch(serve: Serve) -> None:
    gate = Gate()
    parent = send_while_occupied(serve, gate, *({"kind": "a", "number": n} for n in range(3)))
    parent.send("cancel", number=1)
    assert (answer := parent.read()).id == id_of(1)
    assert answer.meta["code"] == "task.cancelled"
    gate.opened.set()
    parent.read()

    assert [parent.read().meta["batch"] for _ in range(2)] == [2, 2]

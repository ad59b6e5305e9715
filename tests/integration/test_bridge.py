"""Requests to a bridge with a real child process, and the errors of operations."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.integration import toy_messages as toy
from tests.integration.toy import Events, Make, ask
from tests.integration.toy_messages import ToyProgress
from wav2vec2_app.errors import (
    InputError,
    InternalError,
    ProtocolError,
    ResourceError,
    TimedOutError,
)
from wav2vec2_app.protocol.inference import InferenceInfo

pytestmark = pytest.mark.integration


async def test_request_is_answered_with_values_and_arrays(make: Make) -> None:
    bridge = make()
    await bridge.start()
    samples, flags = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([True, False])
    answer = await ask(bridge, toy.Echo(1, samples, flags), request_id="r-1")
    assert (answer.number, answer.pid, answer.request_id) == (1, bridge.status().pid, "r-1")
    assert answer.samples is not None
    assert answer.flags is not None
    np.testing.assert_array_equal(answer.samples, samples)
    np.testing.assert_array_equal(answer.flags, flags)
    answer.samples[0, 0] = 7.0  # writable


async def test_request_before_ready_waits_for_the_start(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    bridge = make("--gate", str(gate))
    await bridge.start()
    assert bridge.status().state == "starting"
    task = asyncio.create_task(ask(bridge, toy.Echo()))
    await asyncio.to_thread(gate.write_bytes, b"")
    assert (await task).pid == bridge.status().pid


async def test_process_starts_when_it_may_and_requests_wait_for_that(make: Make) -> None:
    may_start = asyncio.Event()

    async def after() -> None:
        await may_start.wait()

    bridge = make()
    await bridge.start(after)
    task = asyncio.create_task(ask(bridge, toy.Echo()))
    await asyncio.sleep(0.05)
    assert bridge.status().state == "starting"
    assert bridge.status().pid is None
    may_start.set()
    assert (await task).pid == bridge.status().pid


async def test_bridge_can_be_stopped_before_its_process_may_start(make: Make) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    bridge = make()
    await bridge.start(never)
    await bridge.stop()
    assert bridge.status().state == "stopped"
    assert bridge.status().pid is None


async def test_request_while_starting_times_out_and_says_so(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    bridge = make("--gate", str(gate))
    await bridge.start()
    with pytest.raises(TimedOutError, match="not ready in time"):
        await ask(bridge, toy.Echo(), 0.01)


async def test_many_requests_at_once_get_each_its_own_answer(make: Make) -> None:
    bridge = make()
    await bridge.start()
    answers = await asyncio.gather(
        *(ask(bridge, toy.Echo(n, np.full(1000, n, np.float32))) for n in range(50))
    )
    assert [answer.number for answer in answers] == list(range(50))
    assert all((answer.samples == n).all() for n, answer in enumerate(answers))
    assert bridge.status().in_flight == 0


async def test_progress_arrives_in_order_before_the_answer(make: Make) -> None:
    bridge = make()
    await bridge.start()
    seen: list[tuple[int, int]] = []

    def note(progress: ToyProgress) -> None:
        assert progress.squares is not None
        seen.append((progress.number, int(progress.squares[0])))

    await ask(bridge, toy.Count(5), on_progress=note)
    assert seen == [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]


async def test_failing_progress_listener_does_not_fail_the_request(make: Make) -> None:
    bridge = make()
    await bridge.start()

    def listener(_: ToyProgress) -> None:
        raise RuntimeError("a defect in the server")

    answer = await ask(bridge, toy.Count(2), on_progress=listener)
    assert answer.pid == bridge.status().pid


async def test_forty_megabytes_cross_both_ways_while_small_requests_do_too(make: Make) -> None:
    bridge = make()
    await bridge.start()
    big = np.random.default_rng(0).standard_normal(10_000_000).astype(np.float32)
    answer, small = await asyncio.gather(
        ask(bridge, toy.Echo(samples=big)), ask(bridge, toy.Echo(1))
    )
    assert answer.samples is not None
    np.testing.assert_array_equal(answer.samples, big)
    assert small.number == 1


async def test_print_in_worker_does_not_corrupt_frames(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    answer = await ask(bridge, toy.Noise())
    assert answer.text == "stdin: ''"
    await bridge.stop()
    for source in ("print", "sys.stdout", "fd 1", "C", "a grandchild"):
        assert f"from {source}" in caplog.messages
    assert events.kinds == ["starting", "ready", "stopped"]


async def test_stderr_of_worker_is_logged_by_level_and_bounded(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bridge = make()
    await bridge.start()
    text = "WARNING lib: careful\n    continued\nplain\n" + "x" * 300_000 + "\nend"
    await ask(bridge, toy.Log(text))
    await bridge.stop()
    records = [r for r in caplog.records if r.name == "wav2vec2_app.worker.toy"]
    levels = {record.getMessage(): record.levelname for record in records}
    assert levels["lib: careful"] == levels["    continued"] == "WARNING"
    assert levels["plain"] == levels["end"] == "INFO"
    assert max(len(record.getMessage()) for record in records) <= 2000


async def test_info_is_what_the_worker_says_of_itself(make: Make) -> None:
    bridge = make()
    assert bridge.info(toy.ToyInfo) is None
    await bridge.start()
    await bridge.wait_ready()
    info = bridge.info(toy.ToyInfo)
    assert info == toy.ToyInfo(True)
    assert bridge.info(toy.ToyInfo) is info
    with pytest.raises(ProtocolError):
        bridge.info(InferenceInfo)


# --- errors of operations ---


async def test_errors_of_operations_come_back_typed(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(InputError) as refused:
        await ask(bridge, toy.Refuse())
    assert (refused.value.code, refused.value.hint) == ("audio.too_long", "Cut it.")
    assert refused.value.metadata == {"limit_s": None}
    with pytest.raises(ResourceError) as exhausted:
        await ask(bridge, toy.Exhaust())
    assert exhausted.value.code == "resource.memory"
    with pytest.raises(ProtocolError) as unknown:
        await ask(bridge, toy.Unknown())
    assert unknown.value.code == "bridge.unknown_op"
    with pytest.raises(ProtocolError):
        await ask(bridge, toy.AnswerMalformed())
    with pytest.raises(InternalError, match="Full"):
        await ask(bridge, toy.FailMalformed())
    assert bridge.status().restarts == 0


async def test_foreign_error_reaches_the_log_whole_and_the_caller_without_secrets(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(InternalError) as failed:
        await ask(bridge, toy.Fail(), request_id="r-42")
    assert "secret" not in str(failed.value.public())
    await bridge.stop()
    logged = [r for r in caplog.records if r.name == "wav2vec2_app.worker.toy"]
    text = "\n".join(record.getMessage() for record in logged)
    assert "r-42" in text
    assert "ValueError: the secret is in /etc/secret" in text
    assert "Traceback" in text
    assert {record.levelname for record in logged} == {"ERROR"}


async def test_request_that_cannot_be_framed_fails_alone(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(ProtocolError) as unframed:
        await ask(bridge, toy.Echo(cast(Any, object())))
    assert unframed.value.code == "bridge.bad_meta"
    assert (await ask(bridge, toy.Echo(1))).number == 1


async def test_malformed_response_is_an_error_of_the_caller(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(ProtocolError) as malformed:
        await ask(bridge, toy.SendFrame("result", {"pid": "one"}))
    assert malformed.value.code == "bridge.bad_message"
    assert (await ask(bridge, toy.Echo(1))).number == 1

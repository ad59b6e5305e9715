from __future__ import annotations

import pytest

from wav2vec2_app.protocol.message import WorkerStage
from wav2vec2_app.server.results import Stage
from wav2vec2_app.server.service.stages import after, on_caller_axis, summed


def test_worker_stages_end_when_the_response_came() -> None:
    reported = [WorkerStage("forward", 0.0, 0.3), WorkerStage("decode text", 0.3, 0.1)]

    stages = on_caller_axis(reported, "inference", elapsed_s=1.0)

    assert [stage.name for stage in stages] == ["wait", "forward", "decode text"]
    assert (stages[0].start_s, stages[0].duration_s) == pytest.approx((0.0, 0.6))
    assert stages[1].start_s == pytest.approx(0.6)
    assert stages[2].start_s + stages[2].duration_s == pytest.approx(1.0)
    assert {stage.process for stage in stages} == {"inference"}


def test_overhead_of_the_pipe_is_no_wait() -> None:
    stages = on_caller_axis([WorkerStage("forward", 0.0, 0.3)], "inference", elapsed_s=0.303)

    assert [stage.name for stage in stages] == ["forward"]


def test_stages_of_many_requests_are_one_of_each_name() -> None:
    parts = [
        (Stage("wait", 0.0, 0.25, "inference"), Stage("forward", 0.25, 1.0, "inference")),
        (Stage("forward", 0.0, 2.0, "inference"),),
    ]

    assert summed(parts) == (
        Stage("wait", 0.0, 0.25, "inference"),
        Stage("forward", 0.25, 3.0, "inference"),
    )
    assert summed([(Stage("forward", 0.0, 2.0, "inference"),)]) == (
        Stage("forward", 0.0, 2.0, "inference"),
    )


def test_second_step_begins_when_the_first_has_ended() -> None:
    first = (Stage("forward", 0.5, 1.0, "inference"),)

    assert after(first, (Stage("decode text", 0.0, 0.1, "text"),)) == (
        *first,
        Stage("decode text", 1.5, 0.1, "text"),
    )
    assert after((), first) == first


def test_sum_keeps_the_process_of_each_stage() -> None:
    parts = [
        (Stage("whisper", 0.0, 2.0, "whisper"),),
        (Stage("align", 0.0, 1.0, "text"),),
    ] * 2

    assert [(stage.name, stage.process) for stage in summed(parts)] == [
        ("whisper", "whisper"),
        ("align", "text"),
    ]

"""Chains of calls: their modules, and where they go up again."""

import json
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import tracing
from benchmarks.tracing import (
    ENTRY,
    OPERATIONS,
    Call,
    Leg,
    Tracer,
    modules_of,
    revisits,
    worker_chain,
)

ENTERED = Call(ENTRY, "main")
LOOP = Call("wav2vec2_app.worker.loop", "serve")
OPERATION = Call(f"{OPERATIONS}.inference", "emit")
MODEL = Call("wav2vec2_app.worker.model.recognizer", "emit")


def test_calls_within_a_module_count_once() -> None:
    assert modules_of((LOOP, Call(LOOP.module, "run"), OPERATION)) == (
        LOOP.module,
        OPERATION.module,
    )


def test_a_call_to_a_module_that_was_left_goes_up_again() -> None:
    a, b = Call("a", "f"), Call("b", "g")

    assert revisits((a, a, b, b)) == []
    assert revisits((a, b, a, b)) == ["b -> a", "a -> b"]


def test_a_worker_chain_ends_with_the_operation_and_omits_what_came_before_the_request(
    tmp_path: Path,
) -> None:
    early = (1.0, (ENTERED, LOOP, OPERATION, MODEL, MODEL))
    late = (3.0, (ENTERED, LOOP, OPERATION, MODEL))
    (tmp_path / "1.json").write_text(json.dumps([early, late]), "utf-8")

    assert worker_chain(tmp_path, since=2.0) == (LOOP, OPERATION)
    assert worker_chain(tmp_path, since=4.0) == ()


def function_of(path: Path) -> Callable[..., Any]:
    """The function ``go``, which calls its argument, of the module that is written to ``path``."""
    path.write_text("def go(inner=lambda: None):\n    inner()\n", "utf-8")
    return cast("Callable[..., Any]", runpy.run_path(str(path))["go"])


def test_each_leg_of_a_way_has_a_chain_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page calls the queue; another stack, which begins at the queue, calls the pipe."""
    package = tmp_path / "wav2vec2_app"
    package.mkdir()
    monkeypatch.setattr(tracing, "ROOT", tmp_path)
    monkeypatch.setattr(tracing, "PACKAGE", f"{package}{os.sep}")
    page, queue, pipe = (function_of(package / f"{name}.py") for name in ("page", "queue", "pipe"))
    up, down = (
        Leg("wav2vec2_app.page", "wav2vec2_app.queue.go"),
        Leg("wav2vec2_app.queue", "wav2vec2_app.pipe"),
    )
    tracer, before = Tracer(up, down), sys.getprofile()
    sys.setprofile(tracer)
    try:
        page(queue)
        queue(pipe)
        pipe()
    finally:
        sys.setprofile(before)

    assert modules_of(tracer.longest(up)) == ("wav2vec2_app.page", "wav2vec2_app.queue")
    assert modules_of(tracer.longest(down)) == ("wav2vec2_app.queue", "wav2vec2_app.pipe")

"""Chains of calls: their modules, and where they go up again."""

import json
from pathlib import Path

from benchmarks.tracing import ENTRY, OPERATIONS, Call, modules_of, revisits, worker_chain

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

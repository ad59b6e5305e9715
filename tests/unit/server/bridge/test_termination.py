from __future__ import annotations

import pytest

from wav2vec2_app.errors import ModelError, ProtocolError
from wav2vec2_app.server.bridge.termination import describe, signal_name


@pytest.mark.parametrize(
    ("exit_code", "name"),
    [
        (None, ""), (0, ""), (1, ""), (128, ""), (255, ""), (-9, "SIGKILL"), (137, "SIGKILL"),
        (-11, "SIGSEGV"), (139, "SIGSEGV"), (-15, "SIGTERM"), (-63, "signal 63"),
    ],
)  # fmt: skip
def test_exit_codes_name_their_signal(exit_code: int | None, name: str) -> None:
    assert signal_name(exit_code) == name


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (0, "ended (exit code 0)"),
        (1, "ended unexpectedly (exit code 1)"),
        (3, "could not start (exit code 3)"),
        (4, "received a malformed frame (exit code 4)"),
        (-11, "crashed (SIGSEGV)"),
        (137, "killed by the system (SIGKILL)"),
        (None, "could not be started"),
    ],
)
def test_every_exit_has_a_message_and_a_hint(exit_code: int | None, words: str) -> None:
    error = describe("audio", exit_code)
    assert error.message.startswith("The audio worker ")
    assert words in error.message
    assert error.hint
    assert error.metadata["exit_code"] == exit_code


def test_hint_after_an_out_of_memory_kill_names_memory() -> None:
    assert "out of memory" in describe("inference", 137).hint


def test_failed_start_has_the_worker_s_own_message() -> None:
    cause = ModelError("No weights.", code="model.no_weights", hint="Choose another.")
    error = describe("inference", 3, cause=cause)
    assert error.code == "worker.start_failed"
    assert error.message == "The inference worker could not start: No weights."
    assert (error.hint, error.metadata["cause"]) == ("Choose another.", "model.no_weights")


def test_kill_by_the_bridge_does_not_name_memory() -> None:
    cause = ProtocolError("Nonsense.", code="bridge.bad_json")
    error = describe("audio", -9, killed="broke the protocol", cause=cause)
    assert error.message == "The audio worker was stopped because it broke the protocol."
    assert "memory" not in error.hint
    assert error.metadata["cause"] == "bridge.bad_json"

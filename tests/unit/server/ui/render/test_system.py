from dataclasses import replace

import pytest

from tests.doubles import make_memory, make_model_info
from wav2vec2_app.server.status import (
    AdapterStatus,
    OrchestratorStatus,
    ProcessMemory,
    WorkerStatus,
)
from wav2vec2_app.server.ui.render import system
from wav2vec2_app.speech.models import ModelChoice


def make_status(**changes: object) -> OrchestratorStatus:
    adapter = AdapterStatus("fake", True, make_model_info(), memory=make_memory())
    return OrchestratorStatus(0, 0, 32, 0.0, None, (replace(adapter, **changes),), {})


def test_memory_shows_now_and_peak_of_each_process() -> None:
    html = system.memory(make_status())

    assert "630 MB" in html
    assert "of the limit of 2.00 GB" in html
    assert "weights take 7.6 MB" in html
    assert html.count("<tr") == 4
    assert 'data-over="false"' in html


def test_memory_over_the_limit_is_marked() -> None:
    process = ProcessMemory("server", 1, 10, 10)
    report = replace(make_memory(), processes=(process,), limit_bytes=5)

    assert 'data-over="true"' in system.memory(make_status(memory=report))


def test_unknown_memory_is_not_shown() -> None:
    assert "MB" not in system.memory(make_status(memory=None))


def test_weights_are_left_out_without_a_model() -> None:
    unloaded = replace(make_memory(), model_bytes=0)

    assert "weights" not in system.memory(make_status(memory=unloaded))


def test_system_line_before_the_first_status_has_no_state() -> None:
    assert "data-state" not in system.unknown()


def test_system_line_names_model_and_device() -> None:
    html = system.line(replace(make_status(), queued=3))

    assert "fake/wav2vec2" in html
    assert "PyTorch · cpu · float32" in html
    assert "3 waiting" in html
    assert 'data-state="ready"' in html


def test_system_line_shows_that_it_is_not_ready() -> None:
    down = (WorkerStatus("audio", "down", None, 5, 0),)

    assert "starting" in system.line(make_status(ready=False, model=None))
    assert "a worker is down" in system.line(make_status(ready=False, workers=down))


def test_notices_are_shown_once() -> None:
    html = system.notices(make_status(notices=("Offline <now>.", "Offline <now>.")))

    assert html.count("<li>") == 1
    assert "Offline &lt;now&gt;." in html
    assert system.notices(make_status()) == ""


def test_choices_start_with_the_automatic_one() -> None:
    offered = (
        ModelChoice("auto", "auto", False),
        ModelChoice("embedded", "embedded", True),
        ModelChoice("far/away", "far/away", False),
        ModelChoice("folder", "My folder", True),
    )

    choices = system.choices(make_status(choices=offered))

    assert [name for _, name in choices] == ["auto", "embedded", "far/away", "folder"]
    labels = {name: label for label, name in choices}
    assert labels["auto"].startswith("Automatic")
    assert labels["embedded"].startswith("Embedded")
    assert "not downloaded" in labels["far/away"]
    assert labels["folder"] == "My folder"


def test_automatic_choice_is_there_before_any_worker() -> None:
    assert [name for _, name in system.choices(make_status())] == ["auto"]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("open", "a&lt;b.decode text is paused after repeated failures"),
        ("half-open", "a&lt;b.decode text is being tried again after a pause"),
        ("closed", ""),
    ],
)
def test_system_line_shows_circuit_breakers_that_are_not_closed(state: str, text: str) -> None:
    html = system.line(replace(make_status(), breakers={"a<b.decode_text": state}))

    assert text in html
    assert ("decode text" in html) == bool(text)

import re
from dataclasses import replace

from tests.doubles import make_audio, make_memory, make_model_info
from wav2vec2_app.server.status import (
    AdapterStatus,
    OrchestratorStatus,
    ProcessMemory,
    WorkerStatus,
)
from wav2vec2_app.server.tasks import AudioResult, Stage
from wav2vec2_app.server.ui import panels
from wav2vec2_app.speech.models import ModelChoice

STAGES = (
    Stage("forward", 0.1, 0.3, "inference"),
    Stage("queue", 0.0, 0.05),
    Stage("decode audio", 0.05, 0.05, "audio"),
    Stage("total", 0.0, 0.5),
)


def make_status(**changes: object) -> OrchestratorStatus:
    adapter = AdapterStatus("fake", True, make_model_info(), memory=make_memory())
    return OrchestratorStatus(0, 0, 32, 0.0, None, (replace(adapter, **changes),), {})


def test_waterfall_shows_stages_in_order_and_the_total_last() -> None:
    html = panels.latency(STAGES)

    assert re.findall(r'w-bar-name">([^<]+)<', html) == [
        "queue",
        "decode audio",
        "forward",
        "total",
    ]
    assert "--left:0.2000;--width:0.6000" in html
    assert 'data-process="wait"' in html


def test_wait_for_a_worker_leads_up_to_its_stage() -> None:
    waited = (*STAGES, Stage("wait", 0.02, 0.08, "inference"), Stage("wait", 0.3, 0.1, "audio"))

    html = panels.latency(waited)

    assert html.count("<li data-process") == len(STAGES) + 4  # the stages, and the colours seen
    assert html.count("after 80 ms of waiting") == 2
    assert 'w-wait" style="--left:0.0400;--width:0.1600"' in html
    assert "after 100 ms" not in html, "nothing came of the other wait"


def test_total_is_at_least_the_time_since_submission() -> None:
    html = panels.latency(STAGES, None, 2.0)

    assert "2.00 s" in html


def test_real_time_factor_is_explained() -> None:
    result = AudioResult("id", make_audio(10.0), STAGES, real_time_factor=0.042)

    html = panels.latency(STAGES, result, 0.5)

    assert "<b>0.042</b>" in html
    assert "10.0 s of audio in 420 ms: 24 times faster than real time" in html


def test_every_worker_has_its_colour_and_its_name() -> None:
    processes = ("page", "audio", "inference", "text")
    stages = tuple(Stage(f"by {one}", 0.1 * n, 0.1, one) for n, one in enumerate(processes))

    html = panels.latency(stages)

    for process in processes:
        assert f'<li data-process="{process}" title' in html
    assert "text worker" in html


def test_reused_answer_claims_no_speed_of_the_model() -> None:
    result = AudioResult(
        "id", make_audio(10.0), (Stage("decode text", 0.0, 0.02, "text"),), real_time_factor=0.003
    )

    html = panels.latency(result.stages, result, 0.03)

    assert "30 ms" in html
    assert "did not run again" in html
    assert "faster than real time" not in html


def test_panel_without_stages_says_what_it_is_for() -> None:
    assert panels.latency(()) == panels.latency_empty()
    assert "w-chart" in panels.latency_pending()


def test_stage_names_are_escaped() -> None:
    assert "<i>" not in panels.latency((Stage("<i>", 0.0, 1.0, "<i>"),))


def test_memory_shows_now_and_peak_of_each_process() -> None:
    html = panels.memory(make_status())

    assert "630 MB" in html
    assert "of 2.00 GB allowed" in html
    assert "weights are 7.6 MB" in html
    assert html.count("<tr") == 4
    assert 'data-over="false"' in html


def test_memory_over_the_limit_is_marked() -> None:
    process = ProcessMemory("page", 1, 10, 10)
    report = replace(make_memory(), processes=(process,), limit_bytes=5)

    assert 'data-over="true"' in panels.memory(make_status(memory=report))


def test_memory_that_is_not_known_is_not_claimed() -> None:
    assert "MB" not in panels.memory(make_status(memory=None))


def test_weights_of_no_model_are_not_claimed() -> None:
    unloaded = replace(make_memory(), model_bytes=0)

    assert "weights" not in panels.memory(make_status(memory=unloaded))


def test_system_line_before_the_first_word_claims_nothing() -> None:
    assert "data-state" not in panels.system_unknown()


def test_system_line_names_model_and_device() -> None:
    html = panels.system_line(replace(make_status(), queued=3))

    assert "fake/wav2vec2" in html
    assert "PyTorch · cpu · float32" in html
    assert "3 waiting" in html
    assert 'data-state="ready"' in html


def test_system_line_says_when_it_is_not_ready() -> None:
    down = (WorkerStatus("audio", "down", None, 5, 0),)

    assert "starting" in panels.system_line(make_status(ready=False, model=None))
    assert "a worker is down" in panels.system_line(make_status(ready=False, workers=down))


def test_notices_are_said_once() -> None:
    html = panels.notices(make_status(notices=("Offline <now>.", "Offline <now>.")))

    assert html.count("<li>") == 1
    assert "Offline &lt;now&gt;." in html
    assert panels.notices(make_status()) == ""


def test_choices_start_with_the_automatic_one() -> None:
    offered = (
        ModelChoice("auto", "auto", False),
        ModelChoice("embedded", "embedded", True),
        ModelChoice("far/away", "far/away", False),
        ModelChoice("folder", "My folder", True),
    )

    choices = panels.choices(make_status(choices=offered))

    assert [name for _, name in choices] == ["auto", "embedded", "far/away", "folder"]
    labels = {name: label for label, name in choices}
    assert labels["auto"].startswith("Automatic")
    assert labels["embedded"].startswith("Embedded")
    assert "not here yet" in labels["far/away"]
    assert labels["folder"] == "My folder"


def test_automatic_choice_is_there_before_any_worker() -> None:
    assert [name for _, name in panels.choices(make_status())] == ["auto"]

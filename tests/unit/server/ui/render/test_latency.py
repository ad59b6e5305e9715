import re

from tests.doubles import make_audio
from wav2vec2_app.server.results import AudioResult, Stage
from wav2vec2_app.server.ui.render import latency

STAGES = (
    Stage("forward", 0.1, 0.3, "inference"),
    Stage("queue", 0.0, 0.05),
    Stage("decode audio", 0.05, 0.05, "audio"),
    Stage("total", 0.0, 0.5),
)


def test_waterfall_shows_stages_in_order_and_the_total_last() -> None:
    html = latency.waterfall(STAGES)

    assert re.findall(r'w-bar-name">([^<]+)<', html) == [
        "Queue",
        "Decode audio",
        "Model",
        "Total",
    ]
    assert "--left:0.2000;--width:0.6000" in html
    assert 'data-process="wait"' in html


def test_wait_for_a_worker_is_drawn_before_its_stage() -> None:
    waited = (*STAGES, Stage("wait", 0.02, 0.08, "inference"), Stage("wait", 0.3, 0.1, "audio"))

    html = latency.waterfall(waited)

    assert html.count("<li data-process") == len(STAGES) + 4  # the stages, and the colours seen
    assert html.count("after waiting 80 ms for the worker") == 2
    assert 'w-wait" style="--left:0.0400;--width:0.1600"' in html
    assert "waiting 100 ms" not in html, "no stage follows the other wait"


def test_total_is_at_least_the_time_since_submission() -> None:
    html = latency.waterfall(STAGES, None, 2.0)

    assert "2.00 s" in html


def test_real_time_factor_is_explained_in_words() -> None:
    result = AudioResult("id", make_audio(10.0), STAGES, real_time_factor=0.042)

    html = latency.waterfall(STAGES, result, 0.5)

    assert "<b>0.042</b>" in html
    assert "10.0 s of audio in 420 ms: 24 times faster than real time" in html


def test_every_process_has_its_colour_and_its_name() -> None:
    processes = ("server", "audio", "inference", "text")
    stages = tuple(Stage(f"by {one}", 0.1 * n, 0.1, one) for n, one in enumerate(processes))

    html = latency.waterfall(stages)

    for process in processes:
        assert f'<li data-process="{process}" title' in html
    assert "text worker" in html


def test_result_from_the_cache_has_no_speed() -> None:
    result = AudioResult(
        "id",
        make_audio(10.0),
        (Stage("decode text", 0.0, 0.02, "text"),),
        real_time_factor=0.003,
        cached=True,
    )

    html = latency.waterfall(result.stages, result, 0.03)

    assert "30 ms" in html
    assert "did not run again" in html
    assert "faster than real time" not in html


def test_panel_without_stages_is_idle() -> None:
    assert latency.waterfall(()) == latency.idle()
    assert "w-chart" in latency.pending()


def test_stage_names_are_escaped() -> None:
    assert "<i>" not in latency.waterfall((Stage("<i>", 0.0, 1.0, "<i>"),))


def test_failed_attempts_and_the_wait_before_the_next_one_are_bars() -> None:
    retried = (
        *STAGES,
        Stage("failed transcribe", 0.1, 0.1),
        Stage("back-off", 0.2, 0.05),
    )

    names = re.findall(r'w-bar-name">([^<]+)<', latency.waterfall(retried))

    assert names[2:4] == ["failed transcribe", "Model"]
    assert names[-2:] == ["Wait before retry", "Total"]

from dataclasses import replace

import pytest

from tests.unit.server.ui.render.test_system import make_status
from wav2vec2_app.server.ui.render import models, system
from wav2vec2_app.speech.models import MODEL_STATES, ModelChoice

FAR = ModelChoice("far/away", "far/away", ready=False, state="downloadable")


def test_label_says_what_is_loaded_and_what_has_to_be_downloaded() -> None:
    assert models.label(FAR) == "far/away (not downloaded)"
    assert models.label(replace(FAR, ready=True, state="on-disk")) == "far/away"
    assert models.label(replace(FAR, ready=True, state="loaded")) == "far/away · loaded"
    assert models.label(ModelChoice("auto", "auto", True, state="loaded")).startswith("Automatic")


@pytest.mark.parametrize(("progress", "percent"), [(0.0, 0), (0.19, 10), (0.2, 20), (1.0, 100)])
def test_label_of_a_download_changes_in_steps(progress: float, percent: int) -> None:
    choice = replace(FAR, state="downloading", progress=progress)

    assert models.label(choice) == f"far/away · downloading, {percent} %"


@pytest.mark.parametrize("state", MODEL_STATES)
def test_panel_shows_the_state_of_each_model(state: str) -> None:
    html = system.memory(make_status(choices=(replace(FAR, state=state),)))

    assert f'data-state="{state}"' in html
    assert "<progress" not in html


def test_panel_shows_the_progress_of_a_download() -> None:
    choice = replace(FAR, name="<far>", label="<far>", state="downloading", progress=0.426)
    html = models.table(make_status(choices=(choice,)))

    assert "downloading 42 %" in html
    assert 'value="42"' in html
    assert "<far>" not in html


def test_panel_has_no_models_before_they_are_known() -> None:
    assert models.table(make_status(choices=(ModelChoice("a", "a", True),))) == ""

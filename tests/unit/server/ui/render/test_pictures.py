import re

import pytest

from tests.doubles import make_picture, make_recognition
from tests.examples import clips
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.ui.render import pictures
from wav2vec2_app.server.ui.render.confidence import LEVELS
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.audio.features import extract
from wav2vec2_app.worker.plots import canvas, emission, log_mel, mfcc, pitch_energy, waveform, words
from wav2vec2_app.worker.plots.scene import Scene

PLOTS = {
    "waveform": waveform,
    "log_mel": log_mel,
    "mfcc": mfcc,
    "pitch_energy": pitch_energy,
    "emission": emission,
}


@pytest.fixture(scope="module")
def scene() -> Scene:
    """An example clip, its words spread evenly over it."""
    clip = clips()[0]
    samples = clip.samples()
    spoken = clip.text.split()
    step_s = len(samples) / 16_000 / len(spoken)
    spread = tuple(Word(w, i * step_s, (i + 0.8) * step_s, 0.9) for i, w in enumerate(spoken))
    return Scene(samples, extract(samples), make_recognition(clip.text).emission, spread)


@pytest.mark.parametrize("place", pictures.PLACES, ids=lambda place: place.name)
def test_place_is_about_as_high_as_the_picture(place: pictures.PicturePlace, scene: Scene) -> None:
    drawn = PLOTS[place.name].draw(scene)

    assert drawn.name == place.name
    height = float(re.search(r'viewBox="0 0 800 ([\d.]+)', drawn.svg.decode())[1])
    assert place.height == pytest.approx(height, rel=0.12)


def test_playhead_follows_the_axis_of_the_pictures() -> None:
    script = (assets_path() / "ui" / "modules" / "pictures.js").read_text(encoding="utf-8")

    left, right, width = canvas.LEFT, canvas.RIGHT, canvas.WIDTH
    assert f"{{ left: {left} / {width}, width: ({right} - {left}) / {width} }}" in script


def test_words_have_the_same_levels_on_the_page_and_in_the_pictures() -> None:
    assert [level.at_least for level in LEVELS] == [
        words.HIGH_CONFIDENCE,
        words.FAIR_CONFIDENCE,
        0.0,
    ]


def test_picture_keeps_its_own_markup_and_description() -> None:
    drawn = make_picture("waveform")

    html = pictures.picture(drawn)

    assert drawn.svg.decode() in html
    assert drawn.description in html
    assert pictures.PLACES[0].description in html


def test_place_of_a_picture_is_as_high_as_the_picture_will_be() -> None:
    place = pictures.PLACES[0]

    assert f"--height:{place.height}" in pictures.pending(place)
    assert "w-sketch" in pictures.empty(place)

"""What holds for every picture."""

from __future__ import annotations

import base64
import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.unit.worker.plots.scenes import scene, words_of
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.plots import NEED_EMISSION, PICTURES, draw
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.svg import INK_PLACEHOLDER

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "</text><script>alert(1)</script>", 'a"b&c', "$\\frac{1}{2}$", "]]>", "-->", "\x00\x08\ud800",
    "日本語", "🙂", "e\u0301", "id=\"x\"", "#010203", "url(#x)", "ID",
)  # fmt: skip


def drawn(name: str, of: Scene) -> Picture:
    return PICTURES[name](of)


def parsed(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)  # noqa: S314 - our own


def texts(picture: Picture) -> list[str]:
    return [node.text or "" for node in parsed(picture).iter(f"{SVG}text")]


def images(picture: Picture) -> list[Image.Image]:
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", picture.svg.decode())
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


@pytest.fixture(scope="module")
def ordinary() -> Scene:
    return scene(words=words_of("one", "two", "three"))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_scales_with_the_page_and_names_itself(name: str, ordinary: Scene) -> None:
    picture = drawn(name, ordinary)
    root = parsed(picture)

    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox", "").startswith("0 0 800 ")
    assert root.get("width") == "100%"
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == picture.title == root.get("aria-label")
    assert root.findtext(f"{SVG}desc") == picture.description
    assert picture.name == name


@pytest.mark.parametrize("name", PICTURES)
def test_neutral_ink_follows_the_page(name: str, ordinary: Scene) -> None:
    svg = drawn(name, ordinary).svg.decode()

    assert "currentColor" in svg
    assert INK_PLACEHOLDER not in svg
    assert not re.search(r"(fill|stroke): ?#(000000|ffffff|000|fff)\b", svg)


@pytest.mark.parametrize("name", PICTURES)
def test_time_axes_have_labels_with_a_unit(name: str, ordinary: Scene) -> None:
    assert {"0 s", "0.5 s", "1 s", "1.5 s", "2 s"} <= set(texts(drawn(name, ordinary)))


@pytest.mark.parametrize(("name", "unit"), [
    ("waveform", "full scale"), ("log_mel", "Hz"), ("log_mel", "dB"), ("pitch_energy", "Hz"),
    ("pitch_energy", "dBFS"), ("mfcc", "Coefficient"), ("emission", "blank"),
])  # fmt: skip
def test_vertical_axis_has_a_title_with_its_unit(name: str, unit: str, ordinary: Scene) -> None:
    assert any(unit in text for text in texts(drawn(name, ordinary)))


def test_pictures_share_one_time_axis(ordinary: Scene) -> None:
    places = []
    for name in PICTURES:
        root = parsed(drawn(name, ordinary))
        places.append(
            {node.text: node.get("x") for node in root.iter(f"{SVG}text")
             if re.fullmatch(r"[\d.]+ s", node.text or "")}
        )  # fmt: skip
    assert all(place == places[0] for place in places)


def test_ids_of_pictures_on_one_page_are_different(ordinary: Scene) -> None:
    other = scene(duration_s=1.0)
    pictures = [drawn(name, of) for name in PICTURES for of in (ordinary, other)]

    ids = [re.findall(r'\bid="([^"]+)"', picture.svg.decode()) for picture in pictures]
    flat = [one for some in ids for one in some]
    assert len(flat) == len(set(flat))
    for picture, own in zip(pictures, ids, strict=True):
        references = re.findall(r'(?:url\(#|href="#)([^")]+)', picture.svg.decode())
        assert set(references) <= set(own)
        for selector in re.findall(r"#([\w-]+) \.?\w+\{", picture.svg.decode()):
            assert selector in own


@pytest.mark.parametrize("name", PICTURES)
def test_styles_stay_inside_the_picture(name: str, ordinary: Scene) -> None:
    style = parsed(drawn(name, ordinary)).findtext(f"{SVG}style") or ""

    rules = re.findall(r"([^{}]+)\{", style)
    assert rules
    assert all(rule.strip().startswith(("#", "@media", "@container")) for rule in rules)


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_scene_gives_the_same_bytes(name: str, ordinary: Scene) -> None:
    assert drawn(name, ordinary).svg == drawn(name, ordinary).svg


def test_pictures_may_be_drawn_in_many_threads(ordinary: Scene) -> None:
    names = [*PICTURES] * 4
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda name: drawn(name, ordinary), names))

    assert [picture.svg for picture in pictures] == [drawn(name, ordinary).svg for name in names]


@pytest.mark.parametrize("name", PICTURES)
def test_words_of_any_alphabet_are_text_and_never_markup(name: str, ordinary: Scene) -> None:
    vocabulary = (*HOSTILE[:5], "<pad>")
    hostile = replace(
        ordinary,
        words=words_of(*HOSTILE),
        emission=replace(ordinary.emission, vocabulary=vocabulary, word_delimiter='a"b&c'),
    )

    picture = drawn(name, hostile)
    root = parsed(picture)

    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in picture.svg.decode()
    if name == "waveform":
        shown = " ".join(node.text or "" for node in root.iter(f"{SVG}title"))
        for text in ('a"b&c', "日本語", "🙂", "#010203", "$\\frac{1}{2}$"):
            assert text in shown


@pytest.mark.parametrize("name", PICTURES)
def test_ten_minutes_stay_small(name: str) -> None:
    seconds = 600
    frames = seconds * 100 + 1
    random = np.random.default_rng(1)
    features = Features(
        times_s=(np.arange(frames) / 100).astype(np.float32),
        f0_hz=np.where(random.random(frames) < 0.5, random.uniform(80, 300, frames), np.nan).astype(
            np.float32
        ),
        energy_db=random.uniform(-70, -5, frames).astype(np.float32),
        log_mel_db=random.uniform(-80, 0, (80, frames)).astype(np.float16),
        mfcc=random.normal(size=(13, frames)).astype(np.float16),
        summary={},
    )
    samples = random.uniform(-0.5, 0.5, seconds * 16_000).astype(np.float32)
    short = scene(2.0)
    emission = replace(short.emission, log_probs=np.tile(short.emission.log_probs, (300, 1)))
    words = tuple(Word("word", i / 2.5, i / 2.5 + 0.3, 0.9) for i in range(1500))

    picture = drawn(name, Scene(samples, features, emission, words))

    assert len(picture.svg) < 300_000
    for image in images(picture):
        assert image.width <= 1500


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("samples", [160, 1_600, 16_001])
def test_short_and_silent_recordings_have_pictures(name: str, samples: int) -> None:
    silent = np.zeros(samples, np.float32)
    from wav2vec2_app.worker.audio.features import extract

    quiet = replace(scene(2.0), samples=silent, features=extract(silent))
    parsed(drawn(name, quiet))


def test_drawing_by_name_and_the_errors_it_gives(ordinary: Scene) -> None:
    picture = draw("mfcc", ordinary.samples, ordinary.features)
    assert picture.title == "MFCC"

    with pytest.raises(InputError) as caught:
        draw("portrait", ordinary.samples, ordinary.features)
    assert caught.value.code == "picture.unknown"

    for name in NEED_EMISSION:
        with pytest.raises(InputError) as caught:
            draw(name, ordinary.samples, ordinary.features)
        assert caught.value.code == "picture.needs_emission"

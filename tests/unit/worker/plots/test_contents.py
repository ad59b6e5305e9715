"""What each picture shows, read back from its image or its text."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.audio_files import tone
from tests.unit.worker.plots.scenes import FRAME_S, emission_of, scene, words_of
from tests.unit.worker.plots.test_pictures import SVG, drawn, images, parsed, texts
from wav2vec2_app.speech.picture_window import PictureWindow, cut_excerpt
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.audio.features import extract, hz_to_mel
from wav2vec2_app.worker.plots import PICTURES
from wav2vec2_app.worker.plots.canvas import (
    LEFT,
    ORANGE,
    PLOT_WIDTH,
    RED,
    TEAL,
    TEXT_SIZES,
)
from wav2vec2_app.worker.plots.emission import greedy_spikes, token_rows
from wav2vec2_app.worker.plots.log_mel import slaney_mel
from wav2vec2_app.worker.plots.pitch_energy import f0_range
from wav2vec2_app.worker.plots.raster import PALETTE_SIZE, diverging_palette, png_uri, shades, thin
from wav2vec2_app.worker.plots.scene import Scene
from wav2vec2_app.worker.plots.ticks import time_ticks, value_ticks
from wav2vec2_app.worker.plots.words import (
    BAR_HEIGHTS,
    BAR_SPACE,
    confidence_colour,
    plan_words,
    text_width,
)


def cut(whole: Scene, start_s: float, end_s: float) -> Scene:
    part = cut_excerpt(
        whole.samples, whole.features, whole.emission, whole.words, PictureWindow(start_s, end_s)
    )
    return Scene(part.samples, part.features, part.emission, part.words, part.start_s)


def sounding(samples: np.ndarray) -> Scene:
    return Scene(samples, extract(samples))


# --- spectrogram, MFCC -------------------------------------------------------------------------


def test_a_high_tone_lies_high_and_late_where_it_sounds() -> None:
    samples = np.concatenate([np.zeros(16_000, np.float32), tone(1.0, frequency_hz=4_000)])

    pixels = np.asarray(images(drawn("log_mel", sounding(samples)))[0])

    row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    expected_row = 80 - hz_to_mel(4_000) / hz_to_mel(8_000) * 81
    assert row == pytest.approx(expected_row, abs=2)
    assert column > pixels.shape[1] / 2


def test_the_frequency_ticks_use_the_scale_of_the_features() -> None:
    for hz in (100, 999, 1_000, 3_500, 8_000):
        assert slaney_mel(hz) == pytest.approx(float(hz_to_mel(hz)))


def test_the_middle_of_a_diverging_palette_is_transparent_and_its_ends_are_not() -> None:
    palette = diverging_palette("#0000ff", "#ff0000")

    assert palette[PALETTE_SIZE // 2, 3] == 0
    assert palette[0].tolist() == [0, 0, 255, 255]
    assert palette[-1].tolist() == [255, 0, 0, 255]


# --- emission ----------------------------------------------------------------------------------


def test_the_greedy_path_merges_repeats_and_drops_blanks() -> None:
    emission = emission_of([(3, "A"), (4, "A"), (6, "A"), (7, "B"), (20, "|")])

    spikes = [(s.start, s.end, emission.vocabulary[s.token]) for s in greedy_spikes(emission)]

    assert spikes == [(3, 5, "A"), (6, 7, "A"), (7, 8, "B"), (20, 21, "|")]


def test_rows_are_the_tokens_that_occur_with_the_delimiter_last() -> None:
    emission = emission_of([(3, "C"), (9, "|"), (15, "A")])

    rows = token_rows(emission, np.exp(emission.log_probs.astype(np.float32)).T)

    assert [emission.vocabulary[token] for token in rows] == ["A", "C", "|"]


def test_a_letter_is_a_spike_in_its_own_row_at_its_own_time() -> None:
    picture = drawn("emission", replace(scene(2.0), emission=emission_of([(10, "A"), (80, "B")])))

    pixels = np.asarray(images(picture)[0])

    assert pixels.shape == (2, 100)
    assert pixels[0].argmax() == 10
    assert pixels[1].argmax() == 80
    assert {"A", "B", "blank"} <= set(texts(picture))


def test_the_blank_strip_has_gaps_where_letters_are() -> None:
    picture = drawn("emission", replace(scene(2.0), emission=emission_of([(10, "A"), (80, "B")])))

    blank = np.asarray(images(picture)[1])[0]

    assert sorted(np.argsort(blank)[:2].tolist()) == [10, 80]


def test_a_spike_survives_the_thinning_of_a_long_recording() -> None:
    frames = 30_000
    long = replace(
        scene(2.0), emission=emission_of([(12_345, "A")], frames),
        samples=np.zeros(int(frames * FRAME_S * 16_000), np.float32),
    )  # fmt: skip

    pixels = np.asarray(images(drawn("emission", long))[0])

    assert pixels[0].max() > 0.9 * (PALETTE_SIZE - 1)
    assert pixels[0].argmax() == 12_345 // 20


def test_recording_without_speech_has_an_emission_picture() -> None:
    picture = drawn("emission", replace(scene(2.0), emission=emission_of([])))

    assert "blank" in texts(picture)
    assert "0 spikes" in picture.description


# --- pitch, energy, waveform -------------------------------------------------------------------


def test_pitch_panel_without_voice_has_a_message() -> None:
    picture = drawn("pitch_energy", sounding(np.zeros(16_000, np.float32)))

    assert "no voiced sound found" in texts(picture)
    assert "no voiced sound" in picture.description


def test_the_pitch_axis_holds_the_voice() -> None:
    low, high = f0_range(np.array([110, 120, 180], np.float32))

    assert low < 110
    assert high > 180
    low, high = f0_range(np.full(10, 200, np.float32))
    assert high / low > 1.5


def test_the_description_has_the_measured_pitch() -> None:
    assert (
        "median 220 Hz" in drawn("pitch_energy", sounding(tone(1.0, frequency_hz=220))).description
    )


def test_a_quiet_recording_fills_the_waveform_but_silence_does_not() -> None:
    quiet = texts(drawn("waveform", sounding(tone(1.0, amplitude=0.05))))
    silent = drawn("waveform", sounding(np.zeros(16_000, np.float32)))

    assert "0.05" in quiet
    assert "0.02" in texts(silent)
    assert "peak 0.00" in silent.description


# --- words -------------------------------------------------------------------------------------


def test_words_are_labelled_at_their_place_and_noted_under_the_pointer() -> None:
    words = (Word("HELLO", 0.5, 0.9, 0.97), Word("THERE", 1.2, 1.6, 0.4))
    picture = drawn("waveform", scene(2.0, words))

    hello = next(n for n in parsed(picture).iter() if n.text == "HELLO")
    assert float(hello.get("x", 0)) == pytest.approx(LEFT + PLOT_WIDTH * 0.7 / 2, abs=0.1)
    assert "HELLO · 0.50 to 0.90 s · 97% confident" in picture.svg.decode()
    assert TEAL in picture.svg.decode()
    assert RED in picture.svg.decode()


@pytest.mark.parametrize(("confidence", "colour"), [(1.0, TEAL), (0.6, ORANGE), (0.1, RED)])
def test_bar_of_a_word_shows_its_confidence(confidence: float, colour: str) -> None:
    assert confidence_colour(confidence) == colour


def test_the_less_certain_a_word_the_higher_its_bar() -> None:
    assert sorted(BAR_HEIGHTS.values()) == [BAR_HEIGHTS[one] for one in (TEAL, ORANGE, RED)]
    assert len(set(BAR_HEIGHTS.values())) == 3


@pytest.mark.parametrize("count", [1, 12, 40, 300])
@pytest.mark.parametrize("start_s", [0.0, 3.7, 15.0])
def test_labels_are_inside_the_bands_of_their_words_on_every_screen(
    count: int, start_s: float
) -> None:
    random = np.random.default_rng(count)
    texts_ = ["w" * int(length) for length in random.integers(1, 14, count)]
    words = words_of(*texts_, duration_s=20.0)
    end_s = start_s + 5.0
    marks = plan_words([word for word in words if word.end_s > start_s], start_s, end_s)

    units_per_s = PLOT_WIDTH / 5.0
    for label in marks.labels:
        half_s = text_width(label.text, label.size) / 2 / units_per_s
        begin_s, stop_s = label.time_s - half_s, label.time_s + half_s
        assert any(
            word.text == label.text
            and begin_s >= max(word.start_s, start_s) - 1e-6
            and stop_s <= min(word.end_s, end_s) + 1e-6
            for word in words
        )
        larger = [size for size in TEXT_SIZES if size > label.size]
        assert all(text_width(label.text, size) > 0 for size in larger)


def test_a_label_is_hidden_where_the_text_is_too_large_for_it() -> None:
    words = (Word("understanding", 0.0, 0.4, 0.9), Word("a", 1.0, 1.4, 0.9))
    style = parsed(picture := drawn("waveform", scene(2.0, words))).findtext(f"{SVG}style") or ""

    sizes = [label.size for label in plan_words(words, 0.0, 2.0).labels]
    assert sizes == [15, TEXT_SIZES[-1]]
    assert 'class="word middle below fits-15"' in picture.svg.decode()
    assert ".fits-15{display:none}" in style
    assert f".fits-{TEXT_SIZES[-1]}" not in style


def test_words_without_labels_take_no_lane() -> None:
    labelled = plan_words(words_of("one", "two", "three"), 0.0, 2.0)
    narrow = plan_words(words_of(*["understanding"] * 60), 0.0, 2.0)

    assert len(labelled.labels) == 3
    assert narrow.labels == ()
    assert narrow.height == BAR_SPACE < labelled.height
    assert plan_words((), 0.0, 2.0).height == 0


def test_words_left_without_a_label_are_counted_in_the_description() -> None:
    words = words_of(*["understanding"] * 60)
    description = drawn("waveform", scene(2.0, words)).description

    assert "60 words marked" in description
    assert "0 of them are labelled" in description


# --- a part of a recording ---------------------------------------------------------------------


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (1.5, 2.25), (3.0, 4.0)])
def test_picture_of_a_part_has_its_times(name: str, start_s: float, end_s: float) -> None:
    whole = scene(4.0, words_of("one", "two", "three", "four", duration_s=4.0))
    picture = drawn(name, cut(whole, start_s, end_s))

    assert (picture.start_s, picture.end_s) == pytest.approx((start_s, end_s), abs=0.021)
    times = [float(text[:-2]) for text in texts(picture) if re.fullmatch(r"[\d.]+ s", text)]
    assert len(times) >= 3
    assert min(times) >= start_s - 0.02
    assert max(times) <= end_s + 0.02


def test_shorter_part_has_more_detail() -> None:
    samples = np.concatenate([tone(300.0), tone(0.01, frequency_hz=3_000), tone(0.99)])
    whole = sounding(samples)

    far, near = (np.asarray(images(drawn("log_mel", one))[0]).shape[1]
                 for one in (whole, cut(whole, 298.0, 301.0)))  # fmt: skip

    assert far / 301 < 10
    assert near / 3 >= 100


def test_only_words_of_the_part_are_marked_and_cut_at_its_edges() -> None:
    words = (Word("before", 0.1, 0.5, 0.9), Word("edge", 0.8, 1.4, 0.9), Word("in", 1.5, 1.8, 0.9))
    part = cut(scene(4.0, words), 1.0, 2.0)
    svg = drawn("waveform", part).svg.decode()

    assert "Before" not in svg
    [x] = re.findall(r'<rect x="([\d.]+)"[^>]*><title>edge[^<]*</title></rect>', svg)[:1]
    assert float(x) == LEFT


def test_parts_of_a_recording_have_one_scale_of_loudness() -> None:
    samples = np.concatenate([tone(2.0, amplitude=0.8), tone(2.0, amplitude=0.1)])
    whole = sounding(samples)

    loud, quiet = (drawn("waveform", cut(whole, *part)) for part in ((0, 1), (3, 4)))

    assert {"0.5", "−0.5"} <= set(texts(loud)) & set(texts(quiet))


def test_letters_of_a_part_are_at_their_own_times() -> None:
    whole = replace(scene(4.0), emission=emission_of([(10, "A"), (130, "B")], 200))

    picture = drawn("emission", cut(whole, 2.0, 4.0))

    assert np.asarray(images(picture)[0])[0].argmax() == 30
    assert "A" not in texts(picture)


# --- ticks, raster -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start_s", "end_s", "labels"),
    [
        (0, 0.1, ["0 s", "0.02 s", "0.04 s", "0.06 s", "0.08 s", "0.1 s"]),
        (0, 10.0, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]),
        (0, 180.0, ["0:00 min", "0:30 min", "1:00 min", "1:30 min", "2:00 min", "2:30 min",
                    "3:00 min"]),
        (8.3, 10.3, ["8.5 s", "9 s", "9.5 s", "10 s"]),
        (599, 602, ["9:59.0 min", "9:59.5 min", "10:00.0 min", "10:00.5 min", "10:01.0 min",
                    "10:01.5 min", "10:02.0 min"]),
        (3600, 3600.5, ["60:00.0 min", "60:00.1 min", "60:00.2 min", "60:00.3 min",
                        "60:00.4 min", "60:00.5 min"]),
    ],
)  # fmt: skip
def test_time_ticks_are_round(start_s: float, end_s: float, labels: list[str]) -> None:
    assert [label for _, label in time_ticks(start_s, end_s)] == labels


@pytest.mark.parametrize("duration_s", [0.02, 0.3, 7.77, 59.9, 601, 7_200, 100_000])
def test_time_ticks_are_few_and_inside(duration_s: float) -> None:
    for start_s in (0, duration_s / 3, 7 * duration_s):
        ticks = [time for time, _ in time_ticks(start_s, start_s + duration_s)]

        assert 2 <= len(ticks) <= 9
        assert min(ticks) >= start_s - 1e-5
        assert max(ticks) <= (start_s + duration_s) * 1.001


def test_value_ticks_are_round_and_inside() -> None:
    assert value_ticks(-0.68, 0.68, 4) == [-0.5, 0.0, 0.5]
    assert value_ticks(-80, 0, 4) == [-80, -60, -40, -20, 0]


def test_thinning_keeps_every_value_in_some_column() -> None:
    values = np.zeros((1, 3_001), np.float32)
    values[0, 3_000] = 1

    thinned = thin(values, np.max, 1_500)

    assert thinned.shape == (1, 1_001)
    assert thinned[0, -1] == 1


def test_thinning_a_remainder_does_not_dilute_its_mean() -> None:
    np.testing.assert_allclose(thin(np.full(7, 3.0), np.mean, 2), [3, 3])


def test_a_palette_image_keeps_its_shades_and_transparency() -> None:
    palette = diverging_palette("#0000ff", "#ff0000")
    indices = shades(np.array([[-1.0, 0.0, 1.0, 9.0]]), -1, 1)

    uri = png_uri(indices, palette)

    import base64
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1]))).convert("RGBA")
    pixels = np.asarray(image)[0]
    assert pixels[0].tolist() == [0, 0, 255, 255]
    assert pixels[1, 3] == 0
    assert pixels[2].tolist() == pixels[3].tolist() == [255, 0, 0, 255]

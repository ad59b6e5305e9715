from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import sounds
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint
from wav2vec2_app.worker.model.speech_activity import (
    SpeechActivity,
    find_speech,
    frame_energy,
    is_silent,
    mask_non_speech,
)

HOP = 320
FRAME_S = 0.02
VOCABULARY = ("<pad>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz")
SEED = 41
SENTENCE = "the quick brown fox jumps over a lazy dog"


def emission_of(text: str, *, probability: float = 0.95, every: int = 4) -> Emission:
    """``text`` with a letter on every fourth frame; a space is a delimiter, ``_`` a frame of blank."""
    frames = np.zeros((len(text) * every, len(VOCABULARY)))
    frames[:, 0] = 1.0
    for place, letter in enumerate(text):
        token = {" ": "|", "_": "<pad>", "?": "<unk>"}.get(letter, letter)
        frame = np.full(len(VOCABULARY), (1 - probability) / (len(VOCABULARY) - 1))
        frame[VOCABULARY.index(token)] = probability
        frames[place * every] = frame
    log_probs = np.log(np.maximum(frames, 1e-8)).astype(np.float32)
    return Emission(log_probs, VOCABULARY, 0, "|", FRAME_S, special=("<unk>",))


def pause(seconds: float) -> str:
    return "_" * round(seconds / FRAME_S / 4)


def lively(frames: int) -> Float32:
    """Levels that rise and fall by 30 dB four times a second."""
    return (-35 + 15 * np.sin(2 * np.pi * 4 * FRAME_S * np.arange(frames))).astype(np.float32)


def flat(frames: int) -> Float32:
    return np.full(frames, -30, np.float32)


def whole(emission: Emission) -> tuple[float, float]:
    return (0.0, round(emission.duration_s, 6))


def words(emission: Emission) -> list[str]:
    return [word.text for word in words_of_path(emission, emission.log_probs.argmax(axis=1))]


# --- level ---


def test_level_is_that_of_the_samples_under_each_frame() -> None:
    loud = sounds.white_noise(0.5, -20, SEED)
    samples = np.concatenate([loud, np.zeros(8000, np.float32)])

    energy_db = frame_energy(samples, HOP, 60)

    assert energy_db.shape == (60,)
    assert energy_db.dtype == np.float32
    np.testing.assert_allclose(energy_db[:25], -20, atol=1)
    np.testing.assert_allclose(energy_db[25:], -120)


def test_level_of_an_offset_is_that_of_silence() -> None:
    assert is_silent(frame_energy(np.full(16_000, 0.5, np.float32), HOP, 50), FRAME_S)


@pytest.mark.parametrize(
    ("energy_db", "silent"),
    [
        (np.full(3, -120, np.float32), True),
        (np.full(500, -80, np.float32), True),
        (np.r_[np.full(500, -80), np.full(25, -60)].astype(np.float32), False),
        (np.r_[np.full(500, -120), np.full(1, -70)].astype(np.float32), True),  # a click
        (np.zeros(0, np.float32), True),
    ],
)
def test_silence_is_judged_by_the_loudest_half_second(energy_db: Float32, silent: bool) -> None:
    assert is_silent(energy_db, FRAME_S) is silent


# --- decision ---


def test_sentence_is_speech_from_end_to_end() -> None:
    emission = emission_of(SENTENCE)

    activity = find_speech(emission, lively(len(emission.log_probs)))

    assert activity.reason == ""
    assert activity.segments == (whole(emission),)


@pytest.mark.parametrize(
    "text",
    [pause(10), pause(4) + "?" + pause(4) + " " + pause(4)],
    ids=["blanks", "special tokens and delimiters"],
)
def test_emission_without_letters_is_no_speech(text: str) -> None:
    emission = emission_of(text)

    assert find_speech(emission, lively(len(emission.log_probs))).reason == "no_speech"


def test_silence_differs_from_sounds_without_speech() -> None:
    emission = emission_of(pause(3))

    assert find_speech(emission, np.full(150, -90, np.float32)).reason == "silence"


@pytest.mark.parametrize(
    "emission",
    [
        emission_of(SENTENCE, probability=0.38),
        emission_of(("e" + pause(2)) * 10),
        emission_of("tntn" * 40),
    ],
    ids=["guessed", "rare", "a rhythm"],
)
def test_letters_with_little_evidence_are_no_speech(emission: Emission) -> None:
    assert find_speech(emission, lively(len(emission.log_probs))).reason == "no_speech"


def test_flat_level_requires_more_letters() -> None:
    some, many = emission_of(pause(5) + "boat" + pause(5)), emission_of(SENTENCE)

    assert find_speech(some, lively(len(some.log_probs))).segments
    assert not find_speech(some, flat(len(some.log_probs))).segments
    assert find_speech(many, flat(len(many.log_probs))).segments


def test_single_probable_letter_is_speech_in_a_short_clip_only() -> None:
    short, long = emission_of(pause(0.6) + "i" + pause(0.6)), emission_of(pause(9) + "i" + pause(9))

    assert find_speech(short, lively(len(short.log_probs))).segments
    assert not find_speech(long, lively(len(long.log_probs))).segments


def test_level_may_come_in_half_precision() -> None:
    emission = emission_of(SENTENCE)
    energy_db = lively(len(emission.log_probs)).astype(np.float32)

    assert find_speech(emission, energy_db).segments == (whole(emission),)


# --- segments ---


def test_long_flat_stretch_between_sentences_is_left_out() -> None:
    silent = emission_of(pause(10)).log_probs
    said = emission_of(SENTENCE).log_probs
    emission = Emission(np.concatenate([said, silent, said]), VOCABULARY, 0, "|", FRAME_S)
    energy_db = np.concatenate([lively(len(said)), flat(len(silent)) - 20, lively(len(said))])

    (first, second) = find_speech(emission, energy_db).segments

    assert first[0] == 0
    assert len(said) * FRAME_S <= first[1] < len(said) * FRAME_S + 1.2
    assert second[1] == pytest.approx(emission.duration_s)


def test_level_that_swings_like_speech_is_speech_without_probable_letters() -> None:
    emission = emission_of(SENTENCE + pause(3) + "om" + pause(3) + SENTENCE)

    activity = find_speech(emission, lively(len(emission.log_probs)))

    assert activity.segments == (whole(emission),)


def test_segments_are_ascending_apart_and_within_the_clip() -> None:
    generator = np.random.default_rng(SEED)
    text = "".join(SENTENCE + pause(generator.uniform(0, 6)) for _ in range(12))
    emission = emission_of(text)
    energy_db = flat(len(emission.log_probs))

    segments = find_speech(emission, energy_db).segments

    edges = [0.0, *(edge for segment in segments for edge in segment), emission.duration_s]
    assert edges == sorted(edges)
    assert all(after[0] - before[1] > 1.0 for before, after in pairwise(segments))


def test_masked_emission_has_no_words_outside_or_across_segments() -> None:
    emission = emission_of("abc" + "def" + "ghi")

    masked = mask_non_speech(emission, SpeechActivity(((0.0, 0.24), (0.48, 0.72))))

    assert words(masked) == ["abc", "ghi"]
    assert masked.log_probs.dtype == np.float32
    assert words(emission) == ["abcdefghi"]


def test_emission_with_only_speech_is_unchanged() -> None:
    emission = emission_of(SENTENCE)

    assert mask_non_speech(emission, SpeechActivity(((0.0, emission.duration_s),))) is emission


def test_vocabulary_without_delimiter_can_be_masked() -> None:
    emission = emission_of("abcdef")
    bare = Emission(emission.log_probs, VOCABULARY, 0, "", FRAME_S)

    assert words(mask_non_speech(bare, SpeechActivity(((0.0, 0.24),)))) == ["a", "b", "c"]


def test_emission_without_speech_is_masked_completely() -> None:
    assert words(mask_non_speech(emission_of(SENTENCE), SpeechActivity((), "no_speech"))) == []


# --- the embedded model ---


@pytest.fixture(scope="module")
def embedded() -> Recognizer:
    checkpoint = Checkpoint("embedded", assets_path() / "model", "embedded")
    engine = OpenVinoEngine(precision="fp32", threads=1)
    return Recognizer(checkpoint, engine)


def listen(recognizer: Recognizer, samples: Float32) -> tuple[Emission, SpeechActivity]:
    emission = recognizer.emit(samples)
    energy_db = frame_energy(samples, HOP, len(emission.log_probs))
    return emission, find_speech(emission, energy_db)


SOUNDS: dict[str, Callable[[], Float32]] = {
    "white noise": lambda: sounds.white_noise(60, -30, SEED),
    "faint pink noise": lambda: sounds.coloured_noise(60, -55, SEED, 1.0),
    "tone": lambda: sounds.tone(60, 440, -20),
    "chords": lambda: sounds.chords(60, 96, -20, SEED),
}


@pytest.mark.matrix
@pytest.mark.parametrize("name", SOUNDS)
def test_minute_without_speech_has_no_transcript(embedded: Recognizer, name: str) -> None:
    assert listen(embedded, SOUNDS[name]())[1] == SpeechActivity((), "no_speech")


def examples() -> list[Path]:
    return sorted((assets_path() / "examples").glob("*.flac"))


@pytest.mark.matrix
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_example_clips_are_not_masked_however_quiet(embedded: Recognizer, path: Path) -> None:
    samples = soundfile.read(path, dtype="float32")[0]

    for clip in (samples, samples * np.float32(10 ** (-30 / 20))):
        emission, activity = listen(embedded, clip)
        assert words(mask_non_speech(emission, activity)) == words(emission) != []


def test_only_the_sentence_after_a_minute_of_noise_is_speech(embedded: Recognizer) -> None:
    said = soundfile.read(examples()[0], dtype="float32")[0]
    samples = sounds.joined(sounds.white_noise(60, -35, SEED), said)

    ((begin_s, end_s),) = listen(embedded, samples)[1].segments

    assert 58 < begin_s < 61
    assert end_s == pytest.approx(len(samples) / 16_000, abs=0.2)

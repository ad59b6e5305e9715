import numpy as np
import pytest

from tests.checkpoints import VOCABULARY
from wav2vec2_app.build import assets_path
from wav2vec2_app.model.decoders import BeamDecoder, GreedyDecoder
from wav2vec2_app.model.lexicon import Lexicon
from wav2vec2_app.types import AS_USUAL, Emission

LANGUAGE_MODEL = assets_path() / "lm"


def emission(
    path: str, probability: float = 0.6, second: tuple[str, int] | None = None
) -> Emission:
    """An emission whose best token in each frame spells ``path`` (``_`` is the blank).

    ``second`` is a letter that is nearly as probable in one frame.
    """
    columns = {"_": 0, **{token: index for index, token in enumerate(VOCABULARY)}}
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    probabilities = np.full((len(path), len(VOCABULARY)), rest)
    for frame, letter in enumerate(path):
        probabilities[frame, columns[letter]] = probability
    if second is not None:
        letter, frame = second
        probabilities[frame, columns[letter]] = 0.9 * probability
    return Emission(np.log(probabilities).astype(np.float32), VOCABULARY, 0, "|", 0.02)


@pytest.fixture(scope="module")
def beam() -> BeamDecoder:
    pytest.importorskip(
        "flashlight.lib.text", reason="flashlight-text has no build for this system"
    )
    return BeamDecoder(Lexicon(LANGUAGE_MODEL, emission("_")), AS_USUAL)


def test_beam_spells_words_of_its_lexicon_where_the_best_path_does_not(beam: BeamDecoder) -> None:
    said = emission("_H_E_|_B_R_O_U_G_G_T_|_T_H_E_M_", second=("H", 17))

    greedy = [word.text for word in GreedyDecoder().words(said)]
    read = [word.text for word in beam.words(said)]

    assert greedy == ["HE", "BROUGGT", "THEM"]
    assert read == ["HE", "BROUGHT", "THEM"]


def test_beam_times_lie_in_order_on_the_frames(beam: BeamDecoder) -> None:
    words = beam.words(emission("__T_H_E_||_D_O_G__"))

    assert [word.text for word in words] == ["THE", "DOG"]
    assert words[0].start_s == pytest.approx(0.04)
    times = [time for word in words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[-1] <= 18 * 0.02


def test_language_model_does_not_lift_the_confidence(beam: BeamDecoder) -> None:
    [right] = beam.words(emission("_B_R_O_U_G_H_T_"))
    [mended] = beam.words(emission("_B_R_O_U_G_G_T_", second=("H", 11)))

    assert right.text == mended.text == "BROUGHT"
    assert right.confidence == pytest.approx(0.6, abs=0.02)
    assert mended.confidence < right.confidence


def test_last_word_is_whole_where_the_recording_ends_with_it(beam: BeamDecoder) -> None:
    assert [word.text for word in beam.words(emission("_D_O_G"))] == ["DOG"]


def test_blank_everywhere_is_no_word(beam: BeamDecoder) -> None:
    assert beam.words(emission("_" * 20, probability=0.99)) == ()

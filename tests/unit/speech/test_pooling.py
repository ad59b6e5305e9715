import numpy as np
import pytest

from tests.unit.worker.model.test_alignment import emission
from wav2vec2_app.speech.pooling import DIMENSIONS, pooled


def similarity(one: str, other: str) -> float:
    first, second = pooled([emission(one)]), pooled([emission(other)])
    assert first is not None
    assert second is not None
    return float(first.astype(np.float64) @ second.astype(np.float64))


def test_vector_has_length_one_and_does_not_depend_on_the_pace() -> None:
    vector = pooled([emission("_C_A_T_|_D_O_G_")])

    assert vector is not None
    assert vector.shape == (DIMENSIONS,)
    assert np.linalg.norm(vector.astype(np.float64)) == pytest.approx(1, abs=1e-2)
    assert similarity("_C_A_T_|_D_O_G_", "__CC__AA_T__|___D_OO_G") == pytest.approx(1, abs=1e-2)


def test_recordings_that_share_words_are_more_alike() -> None:
    shared = similarity("_C_A_T_|_D_O_G_|_B_I_R_D_", "_B_I_R_D_|_H_A_T_|_H_O_G_")
    other = similarity("_C_A_T_|_D_O_G_|_B_I_R_D_", "_H_A_T_|_H_O_G_|_A_L_L_")

    assert shared > other + 0.1


def test_channels_are_pooled_together() -> None:
    both = pooled([emission("_C_A_T_S_"), emission("_D_O_G_S_")])
    one = pooled([emission("_C_A_T_S_")])

    assert both is not None
    assert one is not None
    assert 0 < float(both.astype(np.float64) @ one.astype(np.float64)) < 0.9


@pytest.mark.parametrize("said", ["_____", "_A_", "_C_A_T"])
def test_recording_with_hardly_a_letter_has_no_vector(said: str) -> None:
    assert pooled([emission(said)]) is None
    assert pooled([emission("CAT").cut(0, 0)]) is None
    assert pooled([]) is None

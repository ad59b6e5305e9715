from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model.test_decoders import emission
from wav2vec2_app.pauses import pauses


def test_pauses_are_runs_of_blanks() -> None:
    assert pauses(emission("__A_BB___")) == [(0, 2), (3, 4), (6, 9)]
    assert pauses(emission("AB")) == []
    assert pauses(emission("")) == []


@given(st.text(alphabet="_AB|", max_size=60))
def test_what_is_no_pause_is_no_blank(path: str) -> None:
    found = pauses(emission(path))

    blank = {frame for start, stop in found for frame in range(start, stop)}
    assert blank == {frame for frame, token in enumerate(path) if token == "_"}

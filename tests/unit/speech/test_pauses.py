from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.model.test_decoders import emission
from wav2vec2_app.speech.pauses import blank_runs


def test_runs_of_blanks() -> None:
    assert blank_runs(emission("__A_BB___")) == [(0, 2), (3, 4), (6, 9)]
    assert blank_runs(emission("AB")) == []
    assert blank_runs(emission("")) == []


@given(st.text(alphabet="_AB|", max_size=60))
def test_runs_hold_every_blank_and_nothing_else(path: str) -> None:
    found = blank_runs(emission(path))

    blank = {frame for start, stop in found for frame in range(start, stop)}
    assert blank == {frame for frame, token in enumerate(path) if token == "_"}

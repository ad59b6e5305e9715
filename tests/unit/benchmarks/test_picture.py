"""The picture of all figures: what a line means, what is on it, and that it is drawn."""

from pathlib import Path

import pytest

from benchmarks.picture import barred, columns, draw, pairs, used
from benchmarks.report import Figure

THEIRS = Figure("10 s clip, pipeline in fp32", 5000, "ms")
OURS = Figure("10 s clip, whole service in bf16", 1000, "ms")


@pytest.mark.parametrize(
    ("figure", "share"),
    [
        (Figure("wait", 2.5, "s", 5), 0.5),
        (Figure("wait", 10, "s", 5), 2),
        (Figure("lost", -1, "points", 5), 0),
        (Figure("speed", 5, "times", at_least=2.5), 0.5),
        (Figure("speed", 0, "times", at_least=2.5), float("inf")),
        (Figure("mistakes", 0, "", 0), 0),
        (Figure("mistakes", 1, "", 0), float("inf")),
    ],
)
def test_a_line_is_the_share_of_its_bar_that_is_used(figure: Figure, share: float) -> None:
    assert used(figure) == share
    assert figure.holds == (used(figure) <= 1)


def test_figures_without_a_bar_have_no_line() -> None:
    with_bar = Figure("wait", 1, "s", 5)
    assert barred({"one": [with_bar, Figure("size", 1, "MiB")], "two": [OURS]}) == {
        "one": [with_bar]
    }


def test_both_columns_come_out_about_the_same_height() -> None:
    line = Figure("wait", 1, "s", 5)
    assert columns({"a": [line] * 9, "b": [line] * 4, "c": [line] * 4}) == (["a"], ["b", "c"])


def test_peers_are_compared_where_both_were_measured() -> None:
    [(pair, theirs, ours)] = pairs({"peers": [THEIRS, OURS], "users": [THEIRS]})
    assert (pair.title, theirs, ours) == ("peers", THEIRS, OURS)


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"bridge": [Figure("size", 1, "MiB")]},
        {"peers": [THEIRS, OURS], "silence": [Figure("mistakes of $5", 3, "", 0)]},
    ],
)
def test_a_picture_is_drawn_of_whatever_was_measured(
    groups: dict[str, list[Figure]], tmp_path: Path
) -> None:
    path = draw(groups, tmp_path / "benchmarks.png")
    assert path.read_bytes().startswith(b"\x89PNG")

"""Figures against their bars, their words, and the documents they are kept in."""

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report import Figure, gather, instruction_sets, number, read, show


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("figure", "holds", "bar"),
    [
        (Figure("wait", 5.0, "s", 5), True, "at most 5 s"),
        (Figure("wait", 5.1, "s", 5), False, "at most 5 s"),
        (Figure("speed", 2.4, "times", at_least=2.5), False, "at least 2.5 times"),
        (Figure("speed", 2.5, "times", at_least=2.5), True, "at least 2.5 times"),
        (Figure("mistakes", 1, "", 0), False, "at most 0"),
        (Figure("size", 7, "MiB"), True, ""),
    ],
)
def test_a_figure_holds_on_its_bar_and_on_the_good_side_of_it(
    figure: Figure, holds: bool, bar: str
) -> None:
    assert (figure.holds, figure.bar) == (holds, bar)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1056.29, "1056"), (26.31, "26.3"), (0.0651, "0.0651"), (0.99994, "0.99994"), (-0.5, "−0.5")],
)
def test_numbers_have_the_digits_one_can_use(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_shown_can_be_read_again() -> None:
    figures = [Figure("wait", 1.5, "s", 5, (1.0, 2.0)), Figure("size", 7, "MiB")]

    assert show("one", figures)

    assert read(("other", "one")) == {"one": figures}


def test_everything_measured_is_gathered_with_the_machine(results: Path) -> None:
    show("one", [Figure("wait", 6.0, "s", 5)])
    show("two", [Figure("size", 7, "MiB")])

    gather(("one", "two", "never measured"))

    document = json.loads((results / "all.json").read_text(encoding="utf-8"))
    assert document["machine"] == report.machine()
    assert {title: one[0]["holds"] for title, one in document["benchmarks"].items()} == {
        "one": False,
        "two": None,
    }


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("avx2 avx512f avx512_bf16 avx512_vnni", ["AVX-512", "bfloat16", "VNNI", "no AMX"]),
        ("avx2 avx_vnni", ["AVX2", "no bfloat16", "VNNI", "no AMX"]),
        ("asimd bf16", ["NEON", "bfloat16"]),
        ("", []),
    ],
)
def test_instruction_sets_are_named_in_general_terms(flags: str, names: list[str]) -> None:
    assert instruction_sets(frozenset(flags.split())) == names

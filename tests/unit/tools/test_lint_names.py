"""A name that two modules define is found, whatever it is; an exception is used or reported."""

from __future__ import annotations

import pytest

from tools.lint_names import places_of, twins

KINDS = {
    "class": "class Level:\n    pass\n",
    "constant": "Level = 1.0\n",
    "typed constant": "Level: Final = 1.0\n",
    "one of several": "SHORT, Level = 1.0, 2.0\n",
    "alias": "Level = dict[str, int]\n",
}


def problems(one: str, other: str, shared: dict[str, str] | None = None) -> list[str]:
    return twins(places_of({"one.py": one, "other.py": other}), shared or {})


@pytest.mark.parametrize("one", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("other", KINDS.values(), ids=KINDS)
def test_name_defined_in_two_modules_is_found(one: str, other: str) -> None:
    assert "Level: one.py:1, other.py:1" in problems(one, other)


@pytest.mark.parametrize(
    "source",
    [
        "T = TypeVar('T')",
        "P = ParamSpec('P')",
        "log = getLogger()",
        "_Private = 1",
        "Declared: int",
        "def Function(): ...",
        "class Outer:\n    Inner = 1",
    ],
)
def test_local_matters_are_not_compared(source: str) -> None:
    assert problems(source.replace("Outer", "First"), source) == []


def test_exception_is_used_or_reported() -> None:
    assert problems("A = 1", "A = 2", {"A": "literally the same"}) == []
    assert problems("A = 1", "B = 2", {"A": "no longer"}) == [
        "A: has an exception but is defined once"
    ]

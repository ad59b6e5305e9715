"""Variants of a matrix are left out unless all are requested."""

import pytest

from tests.selection import first_variants


class Item:
    def __init__(self, nodeid: str, marker: str = "") -> None:
        self.nodeid = nodeid
        self.marker = marker

    def get_closest_marker(self, name: str) -> str | None:
        return self.marker if self.marker == name else None


def test_of_a_matrix_the_first_variant_is_chosen_and_of_other_tests_all() -> None:
    matrix = [Item(f"tests/a.py::test_sizes[{size}]", "matrix") for size in (320, 800)]
    plain = [Item(f"tests/a.py::test_other[{number}]") for number in (1, 2)]
    other = Item("tests/b.py::test_sizes[320]", "matrix")
    slow = Item("tests/b.py::test_hours", "slow")

    chosen, left_out = first_variants([*matrix, *plain, other, slow])  # type: ignore[list-item]

    assert chosen == [matrix[0], *plain, other]
    assert left_out == [matrix[1], slow]


@pytest.mark.matrix
@pytest.mark.parametrize("variant", ["first", "second"])
def test_the_option_is_in_force(request: pytest.FixtureRequest, variant: str) -> None:
    assert variant == "first" or request.config.getoption("--thorough")

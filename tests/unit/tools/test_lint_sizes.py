"""The lint of sizes: what it counts, and when it fails."""

from tools.lint_sizes import BARS, Function, exceeded, functions_of, measure, unexplained

SOURCE = '''
class A:
    @property
    def plain(self) -> int:
        """One line."""
        return 1

    async def loose(self, *values: dict[str, Any]) -> None:
        def inner() -> typing.Any:
            return 1
'''


def function(lines: int, any_in_signature: bool = False) -> Function:
    return Function("a.py", 1, "f", lines, any_in_signature)


def test_lines_and_any_are_counted_for_every_function_nested_ones_too() -> None:
    functions = {one.name: one for one in functions_of("a.py", SOURCE)}

    assert {name: one.lines for name, one in functions.items()} == {
        "plain": 3,
        "loose": 3,
        "inner": 2,
    }
    assert [name for name, one in functions.items() if one.any_in_signature] == ["loose", "inner"]


def test_figures_are_those_of_all_functions_and_files() -> None:
    figures = measure([function(n, n == 9) for n in range(1, 12)], {"a.py": 301, "b.py": 300})

    assert list(figures.values()) == [1, 6, 10, 11, 1]
    assert figures.keys() == BARS.keys()


def test_a_figure_over_its_bar_is_named() -> None:
    (problem,) = exceeded(measure([function(51)] + [function(2)] * 20, {}))

    assert "longest" in problem


def test_a_long_file_needs_a_reason_and_a_reason_a_long_file() -> None:
    assert unexplained({"a.py": 301}, {"a.py": "one table"}) == []
    assert len(unexplained({"a.py": 301, "b.py": 10}, {"b.py": "one table"})) == 2

"""The check that tests notice when a safeguard is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutation_check import MUTATIONS, ROOT, Mutation, passes, survives

MUTATION = Mutation("sum", "product.py", "a + b", "a - b", "test_product.py")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A product whose tests need no plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "product.py").write_text("def total(a, b):\n    return a + b\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def write_test(folder: Path, condition: str) -> None:
    text = f"from product import total\ndef test_it():\n    assert {condition}\n"
    (folder / "test_product.py").write_text(text)


@pytest.mark.parametrize(
    ("condition", "survived"), [("total(2, 1) == 3", False), ("total(2, 0) == 2", True)]
)
def test_mutation_survives_if_no_test_fails(folder: Path, condition: str, survived: bool) -> None:
    write_test(folder, condition)

    assert passes(MUTATION.tests, folder)
    assert survives(MUTATION, folder) == survived
    assert "a + b" in (folder / "product.py").read_text()


def test_tests_that_cannot_run_do_not_count_as_passing(folder: Path) -> None:
    (folder / "test_product.py").write_text("import no_such_module\n")

    assert not passes(MUTATION.tests, folder)


def test_text_that_is_not_in_the_source_is_an_error(folder: Path) -> None:
    (folder / "product.py").write_text("")

    with pytest.raises(ValueError, match=r"sum: product\.py"):
        survives(MUTATION, folder)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_every_safeguard_is_in_the_source_once(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text("utf-8").count(mutation.before) == 1
    assert (ROOT / mutation.tests).is_file()

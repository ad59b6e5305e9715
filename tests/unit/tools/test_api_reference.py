"""The generated parts of docs/api.md, and the table of error codes."""

from pathlib import Path

import pytest

from tools import api_reference, error_codes
from wav2vec2_app.server.schema.system import StatusResponse
from wav2vec2_app.speech.options import OPTIONS


def test_document_is_up_to_date() -> None:
    text = api_reference.DOCUMENT.read_text("utf-8")

    assert api_reference.generated(text) == text
    assert {part[2] for part in api_reference.PART.finditer(text)} == set(api_reference.PARTS)


def test_check_fails_for_an_outdated_document_and_writing_repairs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "api.md"
    document.write_text("# API\n\n<!-- generated: options -->\nold\n<!-- end -->\n", "utf-8")
    monkeypatch.setattr(api_reference, "DOCUMENT", document)

    assert api_reference.main(["--check"]) == 1
    assert api_reference.main([]) == 0
    assert api_reference.main(["--check"]) == 0
    assert "old" not in document.read_text("utf-8")


def test_option_table_has_a_row_for_each_option() -> None:
    rows = api_reference.option_table(OPTIONS).splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == [option.name for option in OPTIONS]
    assert "whole number 1 to 500" in rows[1]


def test_fields_have_types_meanings_and_the_fields_inside_them() -> None:
    fields = {field.path: field for field in api_reference.fields_of(StatusResponse)}

    assert fields["wait_s"].type == "number"
    assert fields["throughput"].type == "number or null"
    assert fields["adapters"].type == "list of objects"
    assert "starting" in fields["adapters[].workers[].state"].meaning
    assert "adapters[].model.name" not in fields  # listed in one place


def test_codes_have_the_status_of_their_errors() -> None:
    codes = error_codes.error_codes(error_codes.PACKAGE)

    assert codes["queue.full"] == {429}
    assert codes["audio.too_large"] == {413}
    assert codes["decoder.bad_value"] == {400}


@pytest.mark.parametrize("rows", [error_codes.ROWS[:-1], (*error_codes.ROWS, ("no.such", "x"))])
def test_code_without_a_row_and_row_without_a_code_are_errors(
    rows: tuple[tuple[str, str], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_codes, "ROWS", rows)

    with pytest.raises(ValueError, match=r"internal|no\.such"):
        error_codes.code_table()

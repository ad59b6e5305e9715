from pathlib import Path

import pytest

from tools import json_schemas


def test_published_schemas_are_up_to_date() -> None:
    assert json_schemas.main(["--check"]) == 0


def test_missing_schema_is_found_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_schemas, "FOLDER", tmp_path / "schemas")

    assert json_schemas.main(["--check"]) == 1
    assert json_schemas.main([]) == 0
    assert json_schemas.main(["--check"]) == 0

from __future__ import annotations

import subprocess
import sys

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.ui import mcp_import

PROGRAM = """
import sys
import wav2vec2_app.server.ui
import gradio
assert "gradio.mcp" in sys.modules and "mcp" not in sys.modules
from wav2vec2_app.server.ui.mcp_import import load_mcp
assert load_mcp().Server.__module__.startswith("mcp.")
"""


def test_gradio_is_imported_without_mcp_which_is_loaded_when_the_tools_are_enabled() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_enabling_the_tools_without_the_extra_is_a_typed_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match="not installed") as caught:
        mcp_import.require_mcp()
    assert caught.value.code == "mcp.extra_missing"
    assert "wav2vec2-app[mcp]" in caught.value.hint

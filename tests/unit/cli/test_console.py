"""Printing on consoles whose encoding lacks characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from wav2vec2_app.cli.console import accept_every_character
from wav2vec2_app.cli.output import OutputOptions, print_error, print_problem
from wav2vec2_app.errors import InputError
accept_every_character()
name = sys.argv[1].encode().decode("unicode_escape")
print(name)
print_problem(name, name)
print_error(Path(name), InputError(name, hint=name), OutputOptions(("json",)))
"""

TEXTS = ["Zażółć", "東京", "🎤", "naïve", "\udce9", "a\u0301", "مرحبا", "−½€"]


@pytest.mark.parametrize(
    "encoding", ["cp1252", "ascii", "latin-1", "cp437", "utf-8", "utf-8:strict"]
)
def test_every_text_can_be_printed(encoding: str) -> None:
    text = " ".join(TEXTS)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, text.encode("unicode_escape").decode("ascii")],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        cwd=Path(__file__).parents[3],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    plain = encoding.removesuffix(":strict")
    assert done.returncode == 0, done.stderr
    first, answer = done.stdout.decode(plain).splitlines()
    assert first == text.encode(plain, "backslashreplace").decode(plain)
    assert json.loads(answer)["error"]["message"] == text

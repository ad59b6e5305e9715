"""The settings of a command: the environment, and what its options say."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import ValidationError

from wav2vec2_app.cli.output import print_problem
from wav2vec2_app.settings import Settings


def read_settings(**overrides: str | int | bool | None) -> Settings:
    """Settings from the environment; ``overrides`` that are not ``None`` take precedence.

    A value that cannot be used ends the command.
    """
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            print_problem(f"WAV2VEC2_{field.upper()}", problem["msg"])
        raise typer.Exit(2) from None

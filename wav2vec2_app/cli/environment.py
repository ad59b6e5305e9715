"""The settings of a command: the environment, and what its options say."""

from __future__ import annotations

import os
from typing import Any

import typer
from pydantic import ValidationError

from wav2vec2_app.cli.output import print_problem
from wav2vec2_app.environment import setting_problems, warn_of_unknown_variables
from wav2vec2_app.server.monitoring.logs import configure_logging
from wav2vec2_app.settings import Settings


def read_settings(**overrides: str | int | bool | None) -> Settings:
    """Settings from the environment; ``overrides`` that are not ``None`` take precedence.

    A value that cannot be used ends the command.
    """
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        for variable, message in setting_problems(error):
            print_problem(variable, message)
        raise typer.Exit(2) from None


def prepare(**overrides: str | int | bool | None) -> Settings:
    """The settings of a command that transcribes here: it logs as they say, and downloads no model.

    Warns of unknown variables. A value that cannot be used ends the command.
    """
    settings = read_settings(**{"fetch_models": False, "log_level": "WARNING", **overrides})
    configure_logging(settings.log_level, as_json=settings.log_json)
    warn_of_unknown_variables(os.environ)
    return settings

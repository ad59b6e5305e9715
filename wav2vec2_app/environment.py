"""Problems of the environment: unusable settings, and variables that no setting has."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import ValidationError

from wav2vec2_app.settings import PREFIX, Settings

logger = logging.getLogger(__name__)


def setting_problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Why the settings cannot be used: variables, each with a message."""
    for problem in error.errors():
        variable = f"{PREFIX}{problem['loc'][0]}".upper() if problem["loc"] else "Settings"
        yield variable, problem["msg"].removeprefix("Value error, ")


def unknown_variables(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Environment variables that look like settings and are none: name -> the nearest setting's, or empty."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    unknown = (
        name
        for name in environment
        if name.upper().startswith(PREFIX.rstrip("2_")) and name.upper() not in known
    )
    return {
        name: next(iter(get_close_matches(name.upper(), known, n=1, cutoff=0.7)), "")
        for name in sorted(unknown)
    }


def warn_of_unknown_variables(environment: Mapping[str, str]) -> None:
    """Log a warning for each of :func:`unknown_variables`."""
    for name, nearest in unknown_variables(environment).items():
        hint = f"did you mean {nearest}?" if nearest else "docs/settings.md lists all settings."
        logger.warning(
            "The environment variable %s is not a setting and is ignored; %s", name, hint
        )

"""Types of settings that have several values: lists and tables, which are texts in the environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode


def _items(value: object) -> object:
    """The items of a list in the environment, which is a text."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return _parsed(value)
    return [item.strip() for item in value.split(",") if item.strip()]


def _parsed(value: object) -> object:
    """The value of a text in JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"the text is not valid JSON: {error}") from None


_AS_ITEMS = BeforeValidator(_items)
Names: TypeAlias = Annotated[tuple[str, ...], NoDecode, _AS_ITEMS]
Keys: TypeAlias = Annotated[tuple[SecretStr, ...], NoDecode, _AS_ITEMS]
Folders: TypeAlias = Annotated[tuple[Path, ...], NoDecode, _AS_ITEMS]
Concurrency: TypeAlias = Annotated[
    dict[str, Annotated[int, Field(ge=1)]], NoDecode, BeforeValidator(_parsed)
]

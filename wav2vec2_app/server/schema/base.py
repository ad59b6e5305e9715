"""The base class of all JSON models, and conversions to what strict JSON can represent."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

JsonObject = dict[str, JsonValue]


class JsonModel(BaseModel):
    """A frozen JSON object without unknown keys; numbers are finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), from_attributes=True
    )

    def json_dict(self) -> JsonObject:
        """Plain dicts, lists, strings and finite numbers."""
        return self.model_dump(mode="json")


def finite(value: float | None, digits: int = 4) -> float | None:
    """``value`` rounded; ``None`` if it is missing, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)


def seconds(value: float) -> float:
    """``value`` rounded to 0.1 ms; 0 if it is not finite."""
    return finite(value) or 0.0


def probability(value: float) -> float:
    """``value`` rounded and clipped to [0, 1]; 0 if it is not finite."""
    return min(1.0, max(0.0, finite(value) or 0.0))


def json_value(value: object) -> JsonValue:
    """``value`` as strict JSON: NaN becomes ``null``, objects of other types become text."""
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)

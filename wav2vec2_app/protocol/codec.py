"""Packs frozen dataclasses into the body of a frame, and unpacks them with every value checked.

Arrays go to the frame's arrays under the path of their field (``features.mfcc``), all else to its JSON
under the names of the fields. Type hints say what is expected:

======================================  ==================================================
type of a field                         in the body
======================================  ==================================================
``NDArray[np.float32]`` and the like    an array of exactly this element type
``bytes``                               an array of unsigned bytes
``str``, ``bool``, ``int``, ``float``   the JSON value; NaN and infinities are ``null``
``Path``                                a string
a dataclass, ``Mapping[str, T]``        a JSON object
``tuple[T, ...]``                       a JSON list
``T | None``                            ``null``, or the array is absent
``Literal``, ``object``, ``Any``        the JSON value; of a ``Literal``, one of its values
======================================  ==================================================

A field that is missing has its default. Fields that the class does not have are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from wav2vec2_app.errors import ProtocolError
from wav2vec2_app.protocol.frame import Array, Arrays, Body, breach

T = TypeVar("T")


def pack(message: object) -> Body:
    """A dataclass as the body of a frame; arrays are not copied."""
    arrays: dict[str, Array] = {}
    meta = _pack_fields(message, "", arrays)
    return Body(meta, arrays)


def _pack_fields(value: object, path: str, arrays: dict[str, Array]) -> dict[str, object]:
    packed = {}
    for name in _field_names(cast(Hashable, type(value))):
        item, place = getattr(value, name), f"{path}{name}"
        if isinstance(item, bytes | np.ndarray):
            if place in arrays:
                raise TypeError("a list of dataclasses with arrays cannot be sent")
            arrays[place] = np.frombuffer(item, np.uint8) if isinstance(item, bytes) else item
        else:
            packed[name] = _pack_value(item, place, arrays)
    return packed


def _pack_value(value: object, path: str, arrays: dict[str, Array]) -> object:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str | int) or value is None:
        return value
    if is_dataclass(value):
        return _pack_fields(value, f"{path}.", arrays)
    if isinstance(value, tuple | list):
        return [_pack_value(item, path, arrays) for item in value]
    if isinstance(value, Mapping):
        return {name: _pack_value(item, path, arrays) for name, item in value.items()}
    return str(value) if isinstance(value, Path) else value


@cache
def _field_names(cls: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cast(Any, cls)))


# --- unpacking ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where a value stands: ``value`` is its JSON, ``path`` its name among the arrays."""

    value: object
    path: str
    arrays: Arrays


_Unpack = Callable[[_Place], Any]
_ABSENT = object()


def unpack(cls: type[T], body: Body) -> T:
    """The dataclass in the body of a frame; its arrays are views of the frame's.

    Raises:
        ProtocolError: ``bridge.bad_message``: a field is missing or is not what its type hint says.
    """
    return cast(T, _unpack_fields(cast(Any, cls), "")(_Place(body.meta, "", body.arrays)))


def _bad(place: _Place, expected: str) -> ProtocolError:
    return breach("bad_message", f"Field {place.path!r} of a message must be {expected}.")


@cache
def _unpack_fields(cls: type[T], dot: str = ".") -> Callable[[_Place], T]:
    """Unpacks a dataclass whose fields are named after its path and ``dot``."""
    hints = get_type_hints(cls)
    unpackers = [(field, _unpacker(hints[field.name])) for field in fields(cast(Any, cls))]

    def unpack_fields(place: _Place) -> T:
        given = place.value
        if given is _ABSENT:  # a dataclass of nothing but arrays has no JSON of its own
            given = {}
        if not isinstance(given, Mapping):
            raise _bad(place, "a JSON object")
        values = {}
        for field, unpack_value in unpackers:
            path = f"{place.path}{dot}{field.name}"
            here = _Place(given.get(field.name, _ABSENT), path, place.arrays)
            if here.value is _ABSENT and path not in place.arrays and _has_default(field):
                continue
            values[field.name] = unpack_value(here)
        try:
            return cls(**values)
        except ValueError as error:
            raise breach("bad_message", f"A message is inconsistent: {error}.") from error

    return unpack_fields


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


@cache
def _unpacker(hint: object) -> _Unpack:
    """What unpacks a value of this type."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if is_dataclass(hint):
        return _unpack_fields(cast(type, hint))
    origin, args = get_origin(hint), get_args(hint)
    if origin in _CONTAINERS:
        return _CONTAINERS[origin](*args)
    raise TypeError(f"a field of type {hint} cannot be sent")


def _plain(place: _Place) -> object:
    if place.value is _ABSENT:
        raise _bad(place, "present")
    return place.value


def _flag(place: _Place) -> bool:
    if not isinstance(place.value, bool):
        raise _bad(place, "true or false")
    return place.value


def _integer(place: _Place) -> int:
    if isinstance(place.value, bool) or not isinstance(place.value, int):
        raise _bad(place, "an integer")
    return place.value


def _number(place: _Place) -> float:
    if place.value is None:
        return math.nan
    if isinstance(place.value, bool) or not isinstance(place.value, int | float):
        raise _bad(place, "a number")
    return float(place.value)


def _text(place: _Place) -> str:
    if not isinstance(place.value, str):
        raise _bad(place, "a string")
    return place.value


def _path(place: _Place) -> Path:
    return Path(_text(place))


def _data(place: _Place) -> bytes:
    return _array(np.dtype(np.uint8))(place).tobytes()


def _array(dtype: np.dtype[Any]) -> Callable[[_Place], Array]:
    def unpack_array(place: _Place) -> Array:
        array = place.arrays.get(place.path)
        if array is None or array.dtype != dtype:
            raise _bad(place, f"an array of {dtype}")
        return array

    return unpack_array


def _array_of(_shape: object, element: object) -> _Unpack:
    return _array(np.dtype(get_args(element)[0]))


def _tuple_of(item: object, *rest: object) -> _Unpack:
    if rest != (...,):
        raise TypeError("only tuples of one type and any length can be sent")
    unpack_item = _unpacker(item)

    def unpack_tuple(place: _Place) -> tuple[object, ...]:
        if not isinstance(place.value, list):
            raise _bad(place, "a list")
        return tuple(unpack_item(_Place(one, place.path, place.arrays)) for one in place.value)

    return unpack_tuple


def _mapping_of(_: object, item: object) -> _Unpack:
    unpack_item = _unpacker(item)

    def unpack_mapping(place: _Place) -> dict[str, object]:
        if not isinstance(place.value, Mapping):
            raise _bad(place, "a JSON object")
        items = place.value.items()
        return {name: unpack_item(_Place(one, place.path, place.arrays)) for name, one in items}

    return unpack_mapping


def _one_of(*values: object) -> _Unpack:
    def unpack_literal(place: _Place) -> object:
        if place.value not in values:
            raise _bad(place, f"one of {values}")
        return place.value

    return unpack_literal


def _optional(*kinds: object) -> _Unpack:
    present = [kind for kind in kinds if kind is not type(None)]
    if len(present) != 1:
        raise TypeError("only T | None can be sent, no other unions")
    unpack_value = _unpacker(present[0])

    def unpack_optional(place: _Place) -> object:
        absent = place.value is _ABSENT or place.value is None
        return None if absent and place.path not in place.arrays else unpack_value(place)

    return unpack_optional


_SCALARS: dict[object, _Unpack] = {
    bool: _flag, int: _integer, float: _number, str: _text, bytes: _data, Path: _path,
    object: _plain, Any: _plain,
}  # fmt: skip
_CONTAINERS: dict[object, Callable[..., _Unpack]] = {
    np.ndarray: _array_of, tuple: _tuple_of, Mapping: _mapping_of, Literal: _one_of,
    Union: _optional, UnionType: _optional,
}  # fmt: skip

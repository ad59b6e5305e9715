"""What is compared: variants of a transcription by model and decoding options, as callers send them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import (
    DECODERS,
    DEFAULT_OPTIONS,
    MAX_TEXT_CHARACTERS,
    OPTION,
    DecodingOptions,
    parse_options,
)
from wav2vec2_app.speech.synthesis import SynthesisOptions

MIN_VARIANTS: Final = 2
MAX_VARIANTS: Final = 8
MAX_VARIANTS_CHARACTERS: Final = 20_000
"""Longest text with variants or weights; longer ones are rejected before they are parsed."""
MAX_NAME_CHARACTERS: Final = 60
_AUTOMATIC: Final = "auto"
DEFAULT_DECODERS: Final = tuple(name for name in DECODERS if name != _AUTOMATIC)
"""What is compared unless something else is requested."""


@dataclass(frozen=True)
class Variant:
    """One way to transcribe a recording; ``name`` is its own among those that are compared."""

    model: str = AUTO_MODEL
    decoding: DecodingOptions = DEFAULT_OPTIONS
    adapter: str = ""
    name: str = ""


def combined(
    models: Sequence[str], decoders: Sequence[str], decoding: DecodingOptions = DEFAULT_OPTIONS
) -> tuple[Variant, ...]:
    """Every model with every decoder; by default, both decoders of the default model.

    Raises:
        InputError: see :func:`named`, ``decoder.unknown``.
    """
    if not decoders:
        decoders = (_AUTOMATIC,) if len(models) >= MIN_VARIANTS else DEFAULT_DECODERS
    known = [parse_options(decoder=decoder).decoder for decoder in decoders]
    return named(
        [
            Variant(model, replace(decoding, decoder=decoder))
            for model in models or (AUTO_MODEL,)
            for decoder in known
        ]
    )


def parse_variants(value: object) -> tuple[Variant, ...]:
    """Variants as JSON or as text: a list of objects, or of names of models and decoders.

    An object may have ``name``, ``model``, ``adapter`` and every decoding option. Nothing at all means both
    decoders of the default model.

    Raises:
        InputError: ``compare.bad_variants``, see also :func:`named` and :func:`parse_options`.
    """
    items = _items(value)
    return named([_variant(item) for item in items]) if items else combined((), ())


def named(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants, each with a name of its own: what it does not share with the others.

    Raises:
        InputError: ``compare.too_few``, ``compare.too_many``, ``compare.same_variant``,
            ``compare.same_name``.
    """
    _check_number(len(variants))
    contents = [replace(one, name="") for one in variants]
    if len(set(contents)) < len(contents):
        raise InputError(
            "Two of the variants are the same.",
            code="compare.same_variant",
            hint="Each variant needs a model or a decoding option of its own.",
        )
    names = [one.name.strip() or name for one, name in zip(variants, _names(contents), strict=True)]
    if len(set(names)) < len(names):
        raise InputError(
            "Two of the variants have the same name.",
            code="compare.same_name",
            hint="Give each variant a name of its own, or none.",
        )
    return tuple(replace(one, name=name) for one, name in zip(variants, names, strict=True))


def parse_reference(value: object) -> str:
    """The text that was spoken; empty where none is given.

    Raises:
        InputError: ``align.text_too_long``.
    """
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InputError(
            f"The reference has {len(text)} characters; the limit is {MAX_TEXT_CHARACTERS}.",
            code="compare.reference_too_long",
            hint="Send only the words that are spoken in this recording.",
        )
    return text


def parse_synthesis(
    weights: object = "", quality_threshold: object = "", conflict_resolution: object = ""
) -> SynthesisOptions:
    """Options of the synthesis as a form or JSON sends them; ``None`` and ``""`` are the defaults.

    ``weights`` are an object, or text such as ``greedy=1, beam=2.5``.

    Raises:
        InputError: see :class:`SynthesisOptions`.
    """
    values: dict[str, object] = {}
    if weights not in (None, ""):
        values["weights"] = _weights(weights)
    if quality_threshold not in (None, ""):
        values["quality_threshold"] = _number(quality_threshold)
    if conflict_resolution not in (None, ""):
        values["conflict_resolution"] = str(conflict_resolution).strip().lower().replace("_", "-")
    return SynthesisOptions(**values)  # type: ignore[arg-type] # which checks each value


# --- parts of what callers send -----------------------------------------------------------------


def _items(value: object) -> Sequence[object]:
    if value is None:
        return ()
    if isinstance(value, str):
        return _items_of_text(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return value
    raise _bad_variants("The variants are not a list.")


def _items_of_text(text: str) -> Sequence[object]:
    if len(text) > MAX_VARIANTS_CHARACTERS:
        raise _bad_variants(f"The text has more than {MAX_VARIANTS_CHARACTERS} characters.")
    if text.lstrip().startswith(("[", "{")):
        found = _json(text)
        if isinstance(found, list):
            return found
        raise _bad_variants("The variants are not a JSON list.")
    return [part.strip() for part in re.split(r"[,;\r\n]", text) if part.strip()]


def _variant(item: object) -> Variant:
    if isinstance(item, str) and item.strip():
        is_decoder = item.strip().lower() in DEFAULT_DECODERS
        return (
            Variant(decoding=parse_options(decoder=item)) if is_decoder else Variant(item.strip())
        )
    if not isinstance(item, Mapping):
        raise _bad_variants("A variant is neither an object nor a name.")
    unknown = [str(key) for key in item if key not in _FIELDS]
    if unknown:
        raise _bad_variants(f"A variant has the unknown field “{unknown[0][:40]}”.")
    decoding = parse_options(**{name: item[name] for name in OPTION if name in item})
    model, adapter, name = (_text(item.get(field)) for field in ("model", "adapter", "name"))
    return Variant(model or AUTO_MODEL, decoding, adapter, name)


_FIELDS: Final = frozenset({"name", "model", "adapter", *OPTION})


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad_variants(f"“{str(value)[:40]}” is not a name.")
    return value.strip()


def _weights(value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return {str(name): weight for name, weight in value.items()}
    text = str(value)
    if len(text) > MAX_VARIANTS_CHARACTERS:
        raise _bad_weights()
    if text.lstrip().startswith("{"):
        found = _json(text)
        if isinstance(found, dict):
            return found
        raise _bad_weights()
    pairs = [part.rpartition("=") for part in re.split(r"[,;\r\n]", text) if part.strip()]
    return {name.strip(): _number(number) for name, _, number in pairs}


def _number(value: object) -> object:
    """A number that may be text; what is none is returned unchanged, for the check of its field."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _json(text: str) -> object:
    """The value of a JSON text; ``None`` if it is none."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _check_number(count: int) -> None:
    if count < MIN_VARIANTS:
        raise InputError(
            "There is only one variant." if count else "There are no variants.",
            code="compare.too_few",
            hint=f"Compare at least {MIN_VARIANTS} models or decoders.",
        )
    if count > MAX_VARIANTS:
        raise InputError(
            f"There are {count} variants; the limit is {MAX_VARIANTS}.",
            code="compare.too_many",
            hint="Compare fewer variants at a time.",
            metadata={"variants": count, "most": MAX_VARIANTS},
        )


def _bad_variants(message: str) -> InputError:
    return InputError(
        message,
        code="compare.bad_variants",
        hint='Send a JSON list such as [{"model": "auto", "decoder": "greedy"}, {"decoder": "beam"}], '
        "or names of models and decoders with commas between them.",
        metadata={"field": "variants"},
    )


def _bad_weights() -> InputError:
    return InputError(
        "The weights are not an object of names and numbers.",
        code="synthesis.bad_weight",
        hint='Send a JSON object such as {"greedy": 1, "beam": 2.5}, or greedy=1, beam=2.5.',
        metadata={"field": "weights"},
    )


# --- names --------------------------------------------------------------------------------------


def _names(variants: Sequence[Variant]) -> list[str]:
    """What each variant does not share with the others, in words; the model if that is not enough."""
    values = [
        {"model": one.model, "adapter": one.adapter, **asdict(one.decoding)} for one in variants
    ]
    order = ("adapter", "model", *(field.name for field in fields(DecodingOptions)))
    differ = [name for name in order if len({str(value[name]) for value in values}) > 1]
    names = [_name({name: value[name] for name in differ}) for value in values]
    if len(set(names)) == len(names):
        return names
    return [f"{number} {name}" for number, name in enumerate(names, start=1)]


def _name(different: Mapping[str, object]) -> str:
    parts = {field: _part(field, value) for field, value in different.items()}
    if len([part for part in parts.values() if part]) > 1 and parts.get("decoder") == _AUTOMATIC:
        del parts["decoder"]  # “large auto” says no more than “large”
    return " ".join(filter(None, parts.values()))[:MAX_NAME_CHARACTERS] or "default"


def _part(field: str, value: object) -> str:
    if field in ("adapter", "model", "decoder"):
        return str(value)
    shown = ", ".join(value) if isinstance(value, tuple) else f"{value:g}"
    return f"{field}={shown}" if shown else f"no {field}"

"""What callers give to the history and get from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.speech.options import DecodingOptions

MIN_KEY_CHARACTERS: Final = 20
MAX_KEY_CHARACTERS: Final = 200
MAX_ITEM_NAME_CHARACTERS: Final = 200
MAX_TAG_CHARACTERS: Final = 40
MAX_TAGS: Final = 20

_KEY: Final = re.compile(rf"[A-Za-z0-9._~+/=-]{{{MIN_KEY_CHARACTERS},{MAX_KEY_CHARACTERS}}}")
CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True)
class NewItem:
    """A result to be stored.

    Attributes:
        owner: from :func:`owner_of_key`.
        request_id: of the task.
        replaces: id of the earlier request that it decodes again; empty if it is a new recording.
        name: of the file.
        result, decoding: with a transcript, and the options that it was decoded with.
        audio: the recording, open for reading; it is stored if the owner wants that.
    """

    owner: str
    request_id: str
    replaces: str
    name: str
    result: AudioResult
    decoding: DecodingOptions
    audio: BinaryIO | None = None


@dataclass(frozen=True)
class ListQuery:
    """Which items of a history are listed.

    ``before`` is the number of an item: only older ones are listed. ``text`` and ``tag`` may be empty.
    """

    text: str = ""
    tag: str = ""
    before: int | None = None
    limit: int = 50


def owner_of_key(key: str) -> str:
    """The owner's name in the database: the file does not contain the key.

    Raises:
        InputError: ``history.bad_key``.
    """
    if not _KEY.fullmatch(key):
        raise InputError(
            "The history key cannot be used.",
            code="history.bad_key",
            hint=f"Send {MIN_KEY_CHARACTERS} to {MAX_KEY_CHARACTERS} random letters and digits.",
        )
    return hashlib.sha256(b"wav2vec2 history " + key.encode()).hexdigest()[:32]


def clean_name(name: str) -> str:
    """A name on one line, without control characters; its middle is left out if it is too long."""
    name = " ".join(CONTROL_CHARACTERS.sub(" ", name).split())
    if len(name) > MAX_ITEM_NAME_CHARACTERS:
        name = f"{name[: MAX_ITEM_NAME_CHARACTERS - 21]}…{name[-20:]}"
    return name


def checked_name(name: str) -> str:
    """A new name as it is stored.

    Raises:
        InputError: ``history.bad_name``.
    """
    found = clean_name(name)
    if not found:
        raise InputError(
            "The name is empty.",
            code="history.bad_name",
            hint="Send a name of at least one letter.",
        )
    return found


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are stored: on one line, each once whatever its case.

    Raises:
        InputError: ``history.bad_tags``.
    """
    found: dict[str, str] = {}
    for tag in tags:
        plain = " ".join(CONTROL_CHARACTERS.sub(" ", tag).split())
        if plain:
            found.setdefault(plain.casefold(), plain)
    if len(found) > MAX_TAGS or any(len(tag) > MAX_TAG_CHARACTERS for tag in found.values()):
        raise InputError(
            "There are too many tags, or one is too long.",
            code="history.bad_tags",
            hint=f"Send at most {MAX_TAGS} tags of at most {MAX_TAG_CHARACTERS} characters.",
        )
    return tuple(sorted(found.values(), key=str.casefold))


def no_item() -> InputError:
    """The history has no such item; other histories may have it."""
    return InputError(
        "There is no such item in this history.",
        code="history.not_found",
        hint="It may have been deleted, or belong to another browser.",
    )


def no_audio() -> InputError:
    """The recording of an item is not stored."""
    return InputError(
        "The recording of this item is not stored.",
        code="history.no_audio",
        hint="Recordings are stored only where that was chosen before they were transcribed.",
    )


def too_large() -> ResourceError:
    """A result is larger than the whole history may be."""
    return ResourceError(
        "The result is too large for the history.",
        code="history.too_large",
        hint="Save the transcript as a file, or increase WAV2VEC2_HISTORY_BYTES.",
        retryable=False,
    )

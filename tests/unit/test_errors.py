"""The error tree, its form on the wire, and the translation of foreign exceptions."""

from __future__ import annotations

import asyncio
import errno
import re
from importlib import import_module
from importlib.util import find_spec

import httpx
import pytest

from wav2vec2_app import errors
from wav2vec2_app.errors import (
    FOREIGN_ERRORS,
    ForeignError,
    InputError,
    InternalError,
    Wav2Vec2Error,
    from_wire,
    translate,
)

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, Wav2Vec2Error) and cls is not Wav2Vec2Error
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_the_wire(cls: type[Wav2Vec2Error]) -> None:
    error = cls("what happened", code="a.b", hint="do this", metadata={"limit_s": 3})

    back = from_wire(error.to_wire())

    assert type(back) is cls
    assert back.public() == error.public()


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_has_its_own_defaults(cls: type[Wav2Vec2Error]) -> None:
    error = cls("what happened")

    assert error.layer in ("validation", "context", "resource", "execution")
    assert error.severity in ("warning", "error", "critical")
    assert error.code == cls.default_code
    assert str(error) == "what happened"


def test_module_docstring_draws_the_whole_tree() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^    ((?:[├└│─ ]*))(\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 4
        path[depth:] = [name]
        if depth:
            drawn[name] = path[depth - 1]

    assert drawn == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}


def test_unknown_type_on_the_wire_becomes_internal() -> None:
    assert type(from_wire({"type": "Surprise", "message": "?"})) is InternalError


def test_own_error_passes_through_unchanged() -> None:
    error = InputError("no")

    assert translate(error) is error


def test_unknown_foreign_exception_is_internal_and_its_text_is_not_passed_on() -> None:
    ours = translate(RuntimeError("/home/user/secret.wav"))

    assert type(ours) is InternalError
    assert "secret" not in str(ours.public())


# --- the table of foreign exceptions -----------------------------------------------------------


@pytest.mark.parametrize("row", FOREIGN_ERRORS, ids=lambda row: row.code)
def test_every_row_names_what_to_do_and_classes_that_exist(row: ForeignError) -> None:
    assert row.message.endswith(".")
    assert row.hint.endswith(".")
    for name in row.names:
        module, _, cls = name.rpartition(".")
        if module == "httpx2" and find_spec(module) is None:
            continue  # only some versions of the hub's library use it
        assert issubclass(getattr(import_module(module), cls), BaseException)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "resource.memory"),
        (OSError(errno.ENOSPC, "no space"), "resource.disk"),
        (OSError(errno.EDQUOT, "quota"), "resource.disk"),
        (OSError(errno.EMFILE, "files"), "resource.files"),
        (BrokenPipeError(errno.EPIPE, "pipe"), "connection.closed"),
        (ConnectionResetError(), "connection.closed"),
        (asyncio.IncompleteReadError(b"", 4), "connection.closed"),
        (TimeoutError(), "task.timeout"),
        (asyncio.TimeoutError(), "task.timeout"),
        (httpx.ConnectError("offline"), "model.hub_offline"),
        (httpx.ReadTimeout("slow"), "model.hub_offline"),
        (OSError(errno.EACCES, "denied"), "internal"),
    ],
)
def test_foreign_exception_is_translated(error: BaseException, code: str) -> None:
    assert translate(error).code == code


def test_memory_of_an_accelerator_is_a_resource_error() -> None:
    torch = pytest.importorskip("torch")

    assert translate(torch.OutOfMemoryError("CUDA out of memory")).code == "resource.memory"


def subclasses(module: str, base: str) -> list[type[BaseException]]:
    """All exception classes of a library below ``base``."""
    found, left = [], [getattr(import_module(module), base)]
    while left:
        cls = left.pop()
        found.append(cls)
        left.extend(cls.__subclasses__())
    return found


@pytest.mark.parametrize("cls", subclasses("av.error", "FFmpegError"))
def test_every_exception_of_ffmpeg_is_mapped(cls: type[BaseException]) -> None:
    ours = translate(cls(1, "message"))

    expected = "resource.memory" if issubclass(cls, MemoryError) else "audio.broken"
    assert ours.code == expected


HUB = [
    *subclasses("huggingface_hub.errors", "HfHubHTTPError"),
    *subclasses("huggingface_hub.errors", "EntryNotFoundError"),
    *subclasses("huggingface_hub.errors", "OfflineModeIsEnabled"),
]


@pytest.mark.parametrize("cls", HUB)
def test_every_exception_of_the_model_hub_is_mapped(cls: type[BaseException]) -> None:
    assert translate(cls.__new__(cls)).code in ("model.not_on_hub", "model.hub_offline")

"""Everything that depends on undocumented parts of Gradio: one function for each, with its reason.

What makes the updates of outputs cheaper is in ``gradio_updates.py``, and guarded here.

Each patch was tested with Gradio :data:`TESTED`, to which ``pyproject.toml`` pins it. With another version a
patch is disabled, which is logged, and the page works without it. Patches that protect the server are
different: they are applied to any version that still has what they change, because a page without them would
be unsafe; where it is gone, the log has an error.

The style sheets and scripts in ``assets/ui`` depend on Gradio's markup; ``tests/e2e`` covers them.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from importlib import metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import gradio as gr
    from gradio.block_function import BlockFunction

logger = logging.getLogger(__name__)

TESTED: Final = "6.31"
"""Minor version of Gradio with which these patches were tested."""

QUEUE_POLL_S: Final = 0.005
"""Interval at which Gradio's idle queue polls for requests, seconds; its own 1 ms takes 5 % of a core."""
PORT_VARIABLE: Final = "GRADIO_SERVER_PORT"
UPLOADS_VARIABLE: Final = "GRADIO_TEMP_DIR"
STUB_WRITER: Final = "gradio.component_meta"
WRITE_STUB: Final = "create_or_modify_pyi"


def installed_version() -> str:
    """The version of Gradio, without importing it (which takes seconds)."""
    return metadata.version("gradio")


def is_tested() -> bool:
    """Whether the installed Gradio is of the minor version that the patches were tested with."""
    return installed_version().split(".")[:2] == TESTED.split(".")


def applies(patch: str, target: object, attribute: str, *, protects: bool = False) -> bool:
    """Whether a patch of ``target.attribute`` is to be applied; logged where it is not."""
    found = hasattr(target, attribute)
    if found and (protects or is_tested()):
        return True
    logger.log(
        logging.ERROR if protects else logging.WARNING,
        "Gradio %s: %s is disabled (tested with %s)",
        installed_version(), patch, TESTED,
    )  # fmt: skip
    return False


# --- the environment ----------------------------------------------------------------------------


def ignore_unusable_variables(environment: MutableMapping[str, str]) -> None:
    """Remove Gradio's variables that are empty, and a port that is not a number: its import would fail.

    Call it before Gradio is imported. ``settings.py`` uses the others.
    """
    for name in [one for one in environment if one.startswith("GRADIO_")]:
        if not environment[name].strip():
            del environment[name]
    if not environment.get(PORT_VARIABLE, "0").isdigit():
        logger.warning("The environment variable %s is not a number and is ignored", PORT_VARIABLE)
        del environment[PORT_VARIABLE]


@contextlib.contextmanager
def own_upload_folder(environment: MutableMapping[str, str]) -> Iterator[Path]:
    """A new folder for the uploads of this server; deleted with them at the end.

    Gradio names an upload after its content, below one folder for all servers of a machine: a server that
    ends deletes its uploads, and with them those that another server is about to read. Build the page inside
    the context, where ``GRADIO_TEMP_DIR`` names the new folder; it lies in the folder named there before.
    """
    parent = environment.get(UPLOADS_VARIABLE)
    if parent is not None:
        Path(parent).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        prefix="wav2vec2_app-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        environment[UPLOADS_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            if parent is None:
                del environment[UPLOADS_VARIABLE]
            else:
                environment[UPLOADS_VARIABLE] = parent


# --- start time: no stub files ------------------------------------------------------------------


def skip_stub_files() -> None:
    """Import Gradio without the type stub files that it writes for each of its components.

    They serve editors only and take two fifths of the time that the import takes (4.7 s instead of 2.6 s on
    two cores), which is most of the application's start. No effect if Gradio has been imported already.
    """
    if STUB_WRITER in sys.modules or any(
        isinstance(one, _StubWriterFinder) for one in sys.meta_path
    ):
        return
    if is_tested():
        sys.meta_path.insert(0, _StubWriterFinder())
    else:
        logger.warning(
            "Gradio %s: the import without stub files is disabled (tested with %s)",
            installed_version(), TESTED,
        )  # fmt: skip


class _StubWriterFinder(MetaPathFinder):
    """Finds the module that writes the stub files, once."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != STUB_WRITER:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _StubWriterLoader(spec.loader)
        return spec


class _StubWriterLoader(Loader):
    """Loads the module with the original loader, then replaces the function that writes."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if hasattr(module, WRITE_STUB):
            setattr(module, WRITE_STUB, _write_nothing)


def _write_nothing(*_: object) -> None:
    """Replaces the function that writes a stub file."""


# --- idle time: a slower poll of the queue ------------------------------------------------------


def slow_down_queue_poll(page: gr.Blocks) -> None:
    """Let the idle queue sleep 5 ms instead of 1 ms between two polls."""
    if applies("the slower poll of the queue", getattr(page, "_queue", None), "sleep_when_free"):
        page._queue.sleep_when_free = QUEUE_POLL_S


# --- protection: paths and addresses that clients send ------------------------------------------


def check_client_paths(page: gr.Blocks) -> None:
    """Reject paths of files that were not uploaded.

    Gradio checks the paths that clients send only for a page that was launched; one that is mounted into
    another application counts as not launched, so any client could read any audio file of the server.
    """
    if applies("the check of paths that clients send", page, "has_launched", protects=True):
        page.has_launched = True


def accept_uploads_only(audio: gr.Audio) -> gr.Audio:
    """Reject addresses as the value of an audio input; only files uploaded to this server are accepted.

    Gradio would download any address that a client sends, of any size. (Patched on the instance: Gradio
    writes a stub file beside the source of each subclass.)
    """
    if not applies(
        "the rejection of addresses", audio, "async_move_resource_to_block_cache", protects=True
    ):
        return audio
    from gradio.exceptions import Error

    from wav2vec2_app.server.ui import texts

    move = audio.async_move_resource_to_block_cache

    async def move_uploaded(url_or_file_path: str | Path | None) -> str | None:
        if str(url_or_file_path).lower().startswith(("http:", "https:")):
            raise Error(texts.ADDRESS_REJECTED)
        moved: str | None = await move(url_or_file_path)
        return moved

    audio.async_move_resource_to_block_cache = move_uploaded
    return audio


def show_own_sample(audio: gr.Audio, name: str) -> None:
    """Let the API page call an endpoint with the file ``name``; Gradio's sample is on another host."""
    if applies("the sample of the API page", audio, "example_payload"):
        sample = {"path": name, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        audio.example_payload = lambda: sample
        audio.example_value = lambda: name


def discard_failed_uploads() -> None:
    """Remove the file of an upload that fails while it arrives: a full disk, a closed connection.

    Gradio removes it after errors in the form only.
    """
    from gradio import route_utils

    parser: Any = getattr(route_utils, "GradioMultiPartParser", None)
    if not applies("the removal of failed uploads", parser, "parse", protects=True):
        return
    parse = parser.parse
    if getattr(parse, "discards", False):
        return

    async def parse_or_discard(self: Any) -> object:
        try:
            return await parse(self)
        except BaseException:
            for file in getattr(self, "_files_to_close_on_error", ()):
                _discard(file)
            raise

    parse_or_discard.discards = True  # type: ignore[attr-defined]
    parser.parse = parse_or_discard


def _discard(file: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        file.close()
    with contextlib.suppress(OSError):
        Path(file.name).unlink()


# --- endpoints ----------------------------------------------------------------------------------


def fill_in_defaults(page: gr.Blocks, endpoints: Collection[str]) -> None:
    """Give calls of ``endpoints`` that send too few values the defaults of the rest.

    Gradio's own clients do that themselves; a plain POST of ``[file, "auto"]`` would be rejected.
    """
    if not applies("filling in defaults of plain HTTP calls", page, "validate_inputs"):
        return
    validate: Callable[[BlockFunction, list[object]], None] = page.validate_inputs

    def fill_and_validate(block_fn: BlockFunction, inputs: list[object]) -> None:
        if block_fn.api_name in endpoints:
            inputs.extend(block.value for block in block_fn.inputs[len(inputs) :])
        validate(block_fn, inputs)

    page.validate_inputs = fill_and_validate


def any_value_input(default: object, schema: Mapping[str, object], label: str) -> gr.Component:
    """An endpoint's input that accepts every value, so that ours are the checks and the error codes.

    ``gradio.components.api_component.Api`` is not exported. Without it a JSON component does the same; the
    parameter's type in Gradio's own description of the API is then missing.
    """
    import gradio

    try:
        module = importlib.import_module("gradio.components.api_component")
    except ImportError:
        module = ModuleType("missing")
    if applies("the type of endpoint parameters", module, "Api"):
        # ``view_api`` of Gradio's clients shows the additional description only
        text = schema.get("description")
        more = {"additional_description": text} if text else {}
        return module.Api(default, {**more, **schema}, label=label)
    return gradio.JSON(json.dumps(default), visible=False, label=label)


def in_scope(request: gr.Request, key: str) -> str:
    """What the access check noted of a request, such as its client; empty without it.

    Gradio runs requests in tasks of its queue, outside of the context of the HTTP request.
    """
    scope: Mapping[str, object] = getattr(request.request, "scope", {})
    return str(scope.get(key, ""))

"""Gradio's import without the package ``mcp``: it is loaded when the tools are enabled.

``import gradio`` loads ``mcp`` where it is installed, which takes about half a second
(``docs/decisions/058-mcp-tools.md``).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.ui.gradio_internals import is_tested

GRADIO_MCP: Final = "gradio.mcp"
_NAMES: Final = {
    "types": "mcp",
    "Server": "mcp.server",
    "ReadResourceContents": "mcp.server.lowlevel.helper_types",
    "SseServerTransport": "mcp.server.sse",
    "StreamableHTTPSessionManager": "mcp.server.streamable_http_manager",
}
"""What ``GradioMCPServer`` imports when its class is defined, and from which module."""


def postpone_mcp() -> None:
    """Import ``gradio.mcp`` as if ``mcp`` were not installed; no effect after Gradio was imported."""
    known = any(isinstance(one, _McpFinder) for one in sys.meta_path)
    if is_tested() and not known and GRADIO_MCP not in sys.modules and "mcp" not in sys.modules:
        sys.meta_path.insert(0, _McpFinder())


def load_mcp() -> type[Any]:
    """Gradio's class of an MCP server, with what it needs of ``mcp``."""
    server: type[Any] = importlib.import_module(GRADIO_MCP).GradioMCPServer
    for name, module in _NAMES.items():
        setattr(server, name, getattr(importlib.import_module(module), name))
    return server


def require_mcp() -> None:
    """Check that ``mcp`` is installed, without importing it.

    Raises:
        InputError: ``mcp.extra_missing``.
    """
    if importlib.util.find_spec("mcp") is None:
        raise InputError(
            "The package for tools by the Model Context Protocol (MCP) is not installed.",
            code="mcp.extra_missing",
            hint="Install wav2vec2-app[mcp], or set WAV2VEC2_MCP to false.",
        )


class _McpFinder(MetaPathFinder):
    """Finds ``gradio.mcp``, once."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != GRADIO_MCP:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _WithoutMcp(spec.loader)
        return spec


class _WithoutMcp(Loader):
    """Loads the module with the original loader while ``mcp`` cannot be imported."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        sys.modules["mcp"] = None  # type: ignore[assignment] # what makes an import fail
        try:
            self._loader.exec_module(module)
        finally:
            del sys.modules["mcp"]

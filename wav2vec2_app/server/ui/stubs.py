"""Gradio without the type stubs that it writes for each of its components whenever it is imported.

They serve editors only, and are two fifths of the time that importing Gradio takes (4.7 s instead of 2.6 on
two cores with AVX2), which is most of this application's start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

WRITER: Final = "gradio.component_meta"
WRITES: Final = "create_or_modify_pyi"


def spare() -> None:
    """Import Gradio quickly from now on; nothing is different where it has been imported already."""
    if WRITER not in sys.modules and not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the one module that writes them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != WRITER:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _WithoutWriting(spec.loader)
        return spec


class _WithoutWriting(Loader):
    """Loads it as ever, then takes the writing away."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if hasattr(module, WRITES):
            setattr(module, WRITES, _write_nothing)


def _write_nothing(*_: Any) -> None:
    """In the place of what writes a stub."""

"""Diagnosis of an installation: versions, devices, models, and a trial start of the workers."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Final

from rich.table import Table

from wav2vec2_app import __version__
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.processors import usable_processors
from wav2vec2_app.server.status import AdapterStatus, OrchestratorStatus
from wav2vec2_app.settings import Settings

PACKAGES: Final = (
    "gradio",
    "openvino",
    "torch",
    "transformers",
    "matplotlib",
    "soundfile",
    "av",
    "soxr",
    "numpy",
)
"""Dependencies whose versions are printed, in this order."""


def version_table() -> Table:
    """Versions of the application and its dependencies."""
    table = _table(f"wav2vec2-app {__version__}")
    table.add_row("Python", f"{platform.python_version()} on {platform.system()}")
    table.add_row("processor", f"{usable_processors()} cores, {platform.machine()}")
    for package in PACKAGES:
        table.add_row(package, _version(package))
    return table


async def probe(settings: Settings) -> tuple[OrchestratorStatus, Wav2Vec2Error | None]:
    """Start the system, wait until it is ready or fails, and stop it."""
    system = build_system(settings)
    await system.orchestrator.start()
    try:
        await system.service.wait_ready()
    except Wav2Vec2Error as error:
        return system.orchestrator.status(), error
    else:
        return system.orchestrator.status(), None
    finally:
        await system.orchestrator.stop()


def status_table(settings: Settings, status: OrchestratorStatus) -> Table:
    """The state that :func:`probe` found."""
    table = _table("system")
    adapter = status.adapters[0]
    _add_model(table, adapter)
    for worker in adapter.workers:
        table.add_row(f"worker {worker.role}", worker.state)
    if adapter.memory is not None:
        total, limit = adapter.memory.total_bytes, settings.memory_limit_bytes
        table.add_row("memory", f"{total >> 20} MiB of {limit >> 20} MiB")
    table.add_row("assets", "found" if (assets_path() / "model").is_dir() else "[red]missing[/red]")
    for notice in adapter.notices:
        table.add_row("note", notice)
    return table


def _add_model(table: Table, adapter: AdapterStatus) -> None:
    if adapter.model is not None:
        model = adapter.model
        table.add_row("model", f"{model.name} ({model.source}, {model.parameters / 1e6:.1f} M)")
        table.add_row("runs on", f"{model.device}, {model.engine} {model.precision}")
    for choice in adapter.choices:
        table.add_row(f"  {choice.name}", "on this machine" if choice.ready else "not downloaded")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", show_header=False)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "[red]missing[/red]"

"""Commands for a Ray cluster: ``wav2vec2-app ray deploy | status | remove``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from wav2vec2_app.cli.environment import read_settings
from wav2vec2_app.cli.output import out, print_problem
from wav2vec2_app.environment import warn_of_unknown_variables
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import deployment
from wav2vec2_app.server.deployment import Deployment, Replicas
from wav2vec2_app.server.monitoring.logs import configure_logging
from wav2vec2_app.settings import Settings

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    help="Run the workers on a Ray cluster (docs/growth.md). WAV2VEC2_RAY_ADDRESS says which one.",
)

COUNT = "Number of replicas (2), or the smallest and the largest one (1:8)."


@app.command()
def deploy(
    inference: Annotated[str, typer.Option(help=COUNT)] = "1",
    audio: Annotated[str, typer.Option(help=COUNT)] = "1",
    text: Annotated[str, typer.Option(help=COUNT)] = "1",
    whisper: Annotated[str, typer.Option(help=f"{COUNT} 0: none.")] = "0",
    cpus: Annotated[float, typer.Option(help="Processors of a replica with a model.", min=0.1)] = 1,
    gpus: Annotated[float, typer.Option(help="GPUs of a replica with a model.", min=0)] = 0,
    ongoing: Annotated[
        int, typer.Option(help="Requests that a replica is given at the same time.", min=1)
    ] = 4,
) -> None:
    """Deploy the workers with the settings of this command's environment, and wait until they run."""

    def run(settings: Settings) -> None:
        counts = {"inference": inference, "audio": audio, "text": text, "whisper": whisper}
        replicas = {role: Replicas.parse(count) for role, count in counts.items()}
        deployment.deploy(settings, Deployment(replicas, cpus, gpus, ongoing))

    _with_settings(run)
    status()


@app.command()
def status() -> None:
    """Print how many replicas run."""
    table = Table("role", "replicas")
    for role, counts in _with_settings(deployment.deployed).items():
        table.add_row(
            role, ", ".join(f"{count} {state.lower()}" for state, count in counts.items())
        )
    out.print(table)


@app.command()
def remove() -> None:
    """Stop all replicas."""
    _with_settings(deployment.remove)


def _with_settings(run: Callable[[Settings], T]) -> T:
    """What ``run`` returns for the settings of the environment; its errors end the command."""
    settings = read_settings(log_level="WARNING")
    configure_logging(settings.log_level, as_json=settings.log_json)
    warn_of_unknown_variables(os.environ)
    try:
        return run(settings)
    except Wav2Vec2Error as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None

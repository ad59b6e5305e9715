"""Commands for developers: ``wav2vec2-app debug replay FOLDER``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from wav2vec2_app.cli.output import print_problem
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.bridge.replay import Replayed
from wav2vec2_app.server.bridge.replay import replay as replay_frames
from wav2vec2_app.server.monitoring.logs import configure_logging

app = typer.Typer(no_args_is_help=True, help="Tools for developers.")


@app.callback()
def tools() -> None:
    """Tools for developers."""


@app.command()
def replay(
    folder: Annotated[
        Path, typer.Argument(help="Recorded frames of one request.", show_default=False)
    ],
) -> None:
    """Send the recorded frames of one request to fresh workers and compare the responses.

    Every command records frames if WAV2VEC2_RECORD_FOLDER names a folder.
    """
    configure_logging("WARNING")
    raise typer.Exit(asyncio.run(_replay(folder)))


async def _replay(folder: Path) -> int:
    """Print a line for each recorded request; 0 if all outcomes are as recorded, 1 or 2 otherwise."""
    differ = False
    try:
        async with aclosing(replay_frames(folder)) as outcomes:
            async for outcome in outcomes:
                differ |= not outcome.same
                print(_line(outcome))
    except Wav2Vec2Error as error:
        print_problem(folder.name, f"{error.message} {error.hint} ({error.code})")
        return 2
    return int(differ)


def _line(outcome: Replayed) -> str:
    comparison = "as recorded" if outcome.same else f"recorded: {outcome.recorded or 'no end'}"
    return f"{outcome.role} {outcome.op}: {outcome.outcome} in {outcome.duration_s:.3f} s, {comparison}"

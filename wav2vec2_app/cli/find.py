"""The command ``find``: where a word is said in files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from wav2vec2_app.cli.common_options import ChannelsOption, ModelOption, TrackOption
from wav2vec2_app.cli.environment import prepare
from wav2vec2_app.cli.output import OutputOptions, print_json, print_problem
from wav2vec2_app.cli.tasks import run_tasks
from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.searching import parse_search
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource, parse_audio_options
from wav2vec2_app.speech.search import MAX_HITS, Search


def find(
    word: Annotated[str, typer.Argument(help="A word, or several.", show_default=False)],
    files: Annotated[list[Path], typer.Argument(help="Audio files.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per file.")] = False,
    parts: Annotated[
        bool, typer.Option("--parts", help="Find it inside longer words, too.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=MAX_HITS, help="Most hits of each file.")
    ] = Search().limit,
    min_score: Annotated[float, typer.Option(min=0.0, max=1.0, help="Least score of a hit.")] = 0.0,
    model: ModelOption = None,
    track: TrackOption = "auto",
    channels: ChannelsOption = "mix",
) -> None:
    """Print where a word is said: score, start and end in seconds, one line each, the best first.

    It is searched for in what the model computed from the sound, so that it is found where the transcript
    has another word. Exit code 1: a file could not be searched.
    """
    settings = prepare(model=model)
    try:
        search = parse_search(word, "", "", whole_words=not parts, limit=limit).search
        audio = parse_audio_options(track, channels)
    except InputError as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    wants = frozenset({Want.HITS})
    tasks = [
        (file, AudioTask(AudioSource(path=file, name=file.name), wants, search=search,
                         audio_options=audio))
        for file in files
    ]  # fmt: skip

    def show(file: Path, result: AudioResult, many: bool) -> None:
        print_hits(file, result, min_score, as_json=as_json, many=many)

    how = OutputOptions(("json" if as_json else "text",))
    raise typer.Exit(1 if asyncio.run(run_tasks(settings, tasks, how, show)) else 0)


def print_hits(
    file: Path, result: AudioResult, min_score: float, *, as_json: bool, many: bool
) -> None:
    """Print the hits in one file; ``many`` puts its name before each."""
    answer = schema.search(result)
    hits = tuple(hit for hit in answer.hits if hit.score >= min_score)
    if as_json:
        print_json({"file": file.name, **answer.model_copy(update={"hits": hits}).json_dict()})
        return
    if not hits:
        print_problem(file.name, "nothing was found")
    label = f"{file.name}: " if many else ""
    for hit in hits:
        channel = f"  channel {hit.channel}" if hit.channel else ""
        print(f"{label}{hit.score:.3f}  {hit.start:.2f}  {hit.end:.2f}{channel}")

"""The command line: ``wav2vec2-app`` and the name of a command, such as ``serve`` or ``transcribe``."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from wav2vec2_app.cli import cluster, console, debug, diagnosis
from wav2vec2_app.cli.analysis import AnalysisFormat, print_analysis
from wav2vec2_app.cli.batch import batch
from wav2vec2_app.cli.common_options import (
    DEFAULT_OUTPUT,
    ChannelsOption,
    FilesArgument,
    ModelOption,
    OutputOption,
    SpeakerNamesOption,
    SpeakersOption,
    ToOption,
    TrackOption,
)
from wav2vec2_app.cli.compare import compare as run_comparison
from wav2vec2_app.cli.compare import model_names, with_folders
from wav2vec2_app.cli.decoding import (
    OptionValue,
    output_options,
    parse_decoding,
    read_text,
    text_or_file,
    with_options,
)
from wav2vec2_app.cli.environment import prepare, read_settings
from wav2vec2_app.cli.find import find
from wav2vec2_app.cli.inputs import audio_inputs, audio_source
from wav2vec2_app.cli.output import (
    DescriptionFormat,
    OutputOptions,
    out,
    print_problem,
)
from wav2vec2_app.cli.tasks import run_tasks
from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.comparison import ComparisonRequest
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.description import DEFAULT_QUESTION, parse_question
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS
from wav2vec2_app.speech.options import OPTIONS, text_to_align
from wav2vec2_app.speech.speakers import parse_names
from wav2vec2_app.speech.synthesis import CONFLICT_RESOLUTIONS
from wav2vec2_app.speech.variants import combined, parse_reference, parse_synthesis

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Speech recognition with wav2vec2."
)
app.add_typer(debug.app, name="debug")
app.add_typer(cluster.app, name="ray")
app.command()(batch)
app.command()(find)


def main() -> None:
    """Entry point of the ``wav2vec2-app`` command."""
    console.accept_every_character()
    try:
        app()
    except Wav2Vec2Error as error:  # the settings cannot be used
        print_problem(error.code, f"{error.message} {error.hint}")
        sys.exit(2)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port.")] = None,
    model: ModelOption = None,
) -> None:
    """Start the server: the page and the API."""
    from wav2vec2_app.server.serve import run

    run(read_settings(host=host, port=port, model=model))


@app.command()
@with_options(*OPTIONS, *EXPORT_OPTIONS)
def transcribe(
    files: FilesArgument,
    output: OutputOption = DEFAULT_OUTPUT,
    to: ToOption = None,
    model: ModelOption = None,
    track: TrackOption = "auto",
    channels: ChannelsOption = "mix",
    speakers: SpeakersOption = False,
    speaker_names: SpeakerNamesOption = "",
    **values: OptionValue,
) -> None:
    """Transcribe audio files; results go to stdout, progress and errors to stderr."""
    settings = prepare(model=model)
    try:
        options, how = parse_decoding(values), output_options(output, to, values)
        audio, names = parse_audio_options(track, channels), parse_names(speaker_names)
        sources = audio_inputs(files, settings.max_bytes)
    except InputError as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    wants = frozenset({Want.TRANSCRIPT, Want.SPEAKERS} if speakers else {Want.TRANSCRIPT})
    one = partial(AudioTask, wants=wants, decoding=options, audio_options=audio)
    tasks = [(file, one(source, speaker_names=names)) for file, source in sources]
    raise typer.Exit(1 if asyncio.run(run_tasks(settings, tasks, how)) else 0)


@app.command()
@with_options(*EXPORT_OPTIONS)
def align(
    file: Annotated[Path, typer.Argument(help="An audio file.", show_default=False)],
    text: Annotated[
        Path, typer.Argument(help="A text file with the spoken words.", show_default=False)
    ],
    output: OutputOption = DEFAULT_OUTPUT,
    to: ToOption = None,
    model: ModelOption = None,
    track: TrackOption = "auto",
    **values: OptionValue,
) -> None:
    """Print when each word of a text is spoken: start, end, score and word, one line each.

    Subtitles (srt, vtt, ass) keep the text as written; a line break ends a cue, and the cues of a text that
    is a file of subtitles itself (SRT, VTT, ASS, SBV, LRC) get new times. json and textgrid have
    every character, too.
    """
    settings = prepare(model=model)
    try:
        given, how = text_to_align(read_text(text)), output_options(output, to, values)
        audio = parse_audio_options(track)
    except InputError as error:
        print_problem(text.name, f"{error.message} {error.hint} ({error.code})")
        raise typer.Exit(2) from None
    wants = frozenset({Want.ALIGNMENT})
    source = audio_source(file, settings.max_bytes)
    task = AudioTask(source, wants, text=given, audio_options=audio)
    raise typer.Exit(1 if asyncio.run(run_tasks(settings, [(file, task)], how)) else 0)


@app.command()
def analyze(
    files: FilesArgument,
    output: Annotated[
        AnalysisFormat,
        typer.Option("--output", "-o", help="Format of the result; frames: a CSV of all contours."),
    ] = AnalysisFormat.TEXT,
    model: ModelOption = None,
    track: TrackOption = "auto",
) -> None:
    """Print loudness, pitch, formants, tempo, noise, pauses and the rate of speech of files."""
    settings = prepare(model=model)
    try:
        audio, sources = parse_audio_options(track), audio_inputs(files, settings.max_bytes)
    except InputError as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    wants = frozenset({Want.TRANSCRIPT, Want.ACOUSTICS})
    tasks = [(file, AudioTask(source, wants, audio_options=audio)) for file, source in sources]

    def show(file: Path, result: AudioResult, many: bool) -> None:
        print_analysis(file, result, output, many=many)

    how = OutputOptions(("json" if output is AnalysisFormat.JSON else "text",))
    raise typer.Exit(1 if asyncio.run(run_tasks(settings, tasks, how, show)) else 0)


@app.command()
def describe(
    files: FilesArgument,
    question: Annotated[str, typer.Option(help="What to ask about the sound.")] = DEFAULT_QUESTION,
    output: Annotated[
        DescriptionFormat, typer.Option("--output", "-o", help="Format of the result.")
    ] = DescriptionFormat.TEXT,
    model: ModelOption = None,
) -> None:
    """Ask a GAMA demo (WAV2VEC2_GAMA_URL) about the sound of files; the transcript comes with the answer."""
    settings = prepare(model=model)
    try:
        given, sources = parse_question(question), audio_inputs(files, settings.max_bytes)
    except InputError as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    wants = frozenset({Want.TRANSCRIPT, Want.DESCRIPTION})
    tasks = [(file, AudioTask(source, wants, question=given)) for file, source in sources]
    how = OutputOptions((output.value,))
    raise typer.Exit(1 if asyncio.run(run_tasks(settings, tasks, how)) else 0)


@app.command()
@with_options(*(option for option in OPTIONS if option.name != "decoder"))
def compare(
    file: Annotated[Path, typer.Argument(help="An audio file.", show_default=False)],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model name or a folder; repeat it to compare several."),
    ] = None,
    decoder: Annotated[
        list[str] | None, typer.Option(help="A decoder; repeat it to compare several.")
    ] = None,
    reference: Annotated[
        str, typer.Option(help="What was spoken, for word error rates. @FILE reads it from a file.")
    ] = "",
    resolution: Annotated[
        str, typer.Option("--conflict-resolution", help=" | ".join(CONFLICT_RESOLUTIONS))
    ] = CONFLICT_RESOLUTIONS[0],
    quality_threshold: Annotated[
        float, typer.Option(help="Least confidence of a transcript that the synthesis uses.")
    ] = 0.0,
    weight: Annotated[
        list[str] | None, typer.Option(help="Weight of a variant or model, NAME=NUMBER.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    track: TrackOption = "auto",
    **values: OptionValue,
) -> None:
    """Transcribe a file with several models or decoders: texts side by side, cost, and one text of all.

    Every model is combined with every decoder; without either, both decoders of the default model.
    """
    names = model or []
    settings = with_folders(prepare(), names)
    try:
        request = ComparisonRequest(
            combined(
                model_names(names),
                decoder or [],
                parse_decoding({**values, "decoder": ""}),
            ),
            parse_synthesis(",".join(weight or []), quality_threshold, resolution),
            parse_reference(text_or_file(reference)),
        )
        source = audio_source(file, settings.max_bytes)
        task = request.task(source, audio_options=parse_audio_options(track))
    except InputError as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    raise typer.Exit(0 if run_comparison(settings, task, request, as_json=as_json) else 1)


@app.command()
def doctor() -> None:
    """Print versions, devices and models, and whether the workers can start."""
    settings = prepare(log_level="ERROR")
    out.print(diagnosis.version_table())
    status, problem = asyncio.run(diagnosis.probe(settings))
    out.print(diagnosis.status_table(settings, status))
    if problem is not None:
        print_problem("The workers cannot start", f"{problem.message} {problem.hint}")
        raise typer.Exit(1)
    out.print("[green]Ready:[/green] the workers have started and the model is loaded.")

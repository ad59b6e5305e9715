"""The command ``batch``: many files into a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from wav2vec2_app.cli.batch_files import BatchJob, find_files, run_batch
from wav2vec2_app.cli.common_options import ChannelsOption, ModelOption, SpeakersOption, TrackOption
from wav2vec2_app.cli.decoding import (
    OptionValue,
    parse_decoding,
    parse_export_values,
    with_options,
)
from wav2vec2_app.cli.environment import prepare
from wav2vec2_app.cli.output import print_problem
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.batches.records import BatchOptions
from wav2vec2_app.server.service.speaker_extra import check_speaker_extra
from wav2vec2_app.server.storage.files import format_of
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import OPTIONS


@with_options(*OPTIONS, *EXPORT_OPTIONS)
def batch(
    files: Annotated[
        list[str], typer.Argument(help="Files, folders, or patterns.", show_default=False)
    ],
    folder: Annotated[
        Path, typer.Option("--output-folder", "-d", help="Folder of the results.")
    ] = Path("transcripts"),
    formats: Annotated[
        str, typer.Option("--formats", help="Files to write for each recording.")
    ] = "text,srt,vtt,json",
    model: ModelOption = None,
    track: TrackOption = "auto",
    channels: ChannelsOption = "mix",
    speakers: SpeakersOption = False,
    **values: OptionValue,
) -> None:
    """Transcribe many files into a folder, with a CSV summary; a second call continues an interrupted one."""
    settings = prepare(model=model)
    try:
        options = BatchOptions(
            AUTO_MODEL,
            parse_decoding(values),
            parse_audio_options(track, channels),
            parse_export_values(values),
            diarize=speakers,
        )
        if speakers:
            check_speaker_extra()
        kinds = [name.strip() for name in formats.split(",") if name.strip()]
        for kind in kinds:
            format_of(kind)
        job = BatchJob(find_files(files), folder, options, kinds, settings.model)
    except (InputError, ModelError) as error:
        print_problem(error.code, f"{error.message} {error.hint}")
        raise typer.Exit(2) from None
    raise typer.Exit(1 if asyncio.run(run_batch(settings, job)) else 0)

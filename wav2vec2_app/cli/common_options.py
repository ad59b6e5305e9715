"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from wav2vec2_app.cli.decoding import output_format
from wav2vec2_app.speech.exports import EXPORT_FORMAT

DEFAULT_OUTPUT: Final = ["text"]
OutputOption = Annotated[
    list[str],
    typer.Option(
        "--output",
        "-o",
        parser=output_format,
        metavar=f"[{'|'.join(EXPORT_FORMAT)}]",
        help="Format of the result; with --to, repeat it for several.",
    ),
]
ToOption = Annotated[
    Path | None,
    typer.Option("--to", help="Folder for one file per recording and format.", show_default=False),
]
FilesArgument = Annotated[
    list[Path],
    typer.Argument(help="Audio files, folders or patterns; - for stdin.", show_default=False),
]
ModelOption = Annotated[
    str | None, typer.Option(help="auto, embedded, a model name or a folder.", show_default=False)
]
TrackOption = Annotated[
    str, typer.Option("--track", help="Number of the audio track; default: the file's own choice.")
]
SpeakersOption = Annotated[
    bool, typer.Option("--speakers", help="Label who speaks, in every format of the result.")
]
SpeakerNamesOption = Annotated[
    str, typer.Option("--speaker-names", help="Their names, in the order in which they begin: A,B.")
]
ChannelsOption = Annotated[
    str, typer.Option("--channels", help="mix, or separate for one transcript per channel.")
]

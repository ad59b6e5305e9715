"""``wav2vec2-app analyze``: prints the acoustic analysis of files."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from wav2vec2_app.cli.output import print_json, print_problem
from wav2vec2_app.server import schema
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.acoustics import summary_of
from wav2vec2_app.speech.acoustic_tables import (
    clipped_warning,
    frames_csv,
    measures_csv,
    readings,
)


class AnalysisFormat(str, Enum):
    """Formats of an analysis; ``frames`` is a CSV of all contours."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    FRAMES = "frames"


def print_analysis(file: Path, result: AudioResult, form: AnalysisFormat, *, many: bool) -> None:
    """Print the analysis of one file; ``many`` puts its name before it."""
    for problem in result.problems:
        print_problem(file.name, f"{problem.error.message} {problem.error.hint}")
    found = result.acoustics
    if found is None:
        return
    if warning := clipped_warning(found):
        print_problem(file.name, warning)
    summary = summary_of(found, result.transcript)
    if form is AnalysisFormat.JSON:
        acoustics = schema.acoustics(found, result.transcript).json_dict()
        print_json({"file": file.name, "acoustics": acoustics})
        return
    if many:
        print(file.name)
    if form is AnalysisFormat.TEXT:
        for measure, text in readings(summary):
            print(f"{measure.label:20} {text:>18}  {measure.help}")
    else:
        text = measures_csv(summary) if form is AnalysisFormat.CSV else frames_csv(found)
        print(text, end="")

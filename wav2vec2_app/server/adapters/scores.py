"""The scores of features that were measured at the release, from a file of the package's assets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from wav2vec2_app.server.status import FeatureScore, Scores


@dataclass(frozen=True)
class _StoredScore:
    score: Annotated[float, Field(ge=0, le=1)]
    measure: Annotated[str, Field(min_length=1)]
    data: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]


_STORED = TypeAdapter(dict[str, dict[str, _StoredScore]])


def read_scores(path: Path) -> Scores:
    """The scores of ``path``, which ``python -m benchmarks.scores`` writes; none without the file.

    Raises:
        pydantic.ValidationError: the file is not one that the benchmark wrote.
    """
    if not path.exists():
        return {}
    stored = _STORED.validate_json(path.read_bytes())
    return {
        model: {
            feature: FeatureScore(one.score, one.measure, one.data, one.date)
            for feature, one in features.items()
        }
        for model, features in stored.items()
    }

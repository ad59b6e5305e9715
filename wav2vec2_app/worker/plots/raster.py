"""Matrices as small embedded images: reduced to the width of a screen, with a palette."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

MAX_COLUMNS = 1500
"""Width of the largest image, pixels."""
PALETTE_SIZE = 65
"""Colours of a palette: odd, so that one is the middle; more are indistinguishable and cost bytes."""

Floats = NDArray[np.floating]
Palette = NDArray[np.uint8]


class Reduction(Protocol):
    """Reduces an axis, such as ``np.mean`` and ``np.max``."""

    def __call__(self, values: Floats, /, *, axis: int) -> Floats: ...


def thin(values: Floats, reduce: Reduction, columns: int = MAX_COLUMNS) -> Floats:
    """Reduce groups of neighbours along the last axis to at most ``columns``; see :func:`thinning`.

    The last group is filled up with its last value.
    """
    step = thinning(values.shape[-1], columns)
    if step == 1:
        return values
    missing = -values.shape[-1] % step
    padded = np.concatenate([values, np.repeat(values[..., -1:], missing, axis=-1)], axis=-1)
    groups = padded.reshape(*values.shape[:-1], -1, step).astype(np.float32)
    reduced: Floats = reduce(groups, axis=-1)
    return reduced


def thinning(count: int, columns: int = MAX_COLUMNS) -> int:
    """How many neighbours :func:`thin` reduces to one."""
    return max(1, -(-count // columns))


def shades(values: Floats, low: float, high: float) -> NDArray[np.uint8]:
    """Values as palette indices, ``low`` the first and ``high`` the last."""
    share = (values.astype(np.float32) - low) / (high - low)
    indices: NDArray[np.uint8] = np.rint(np.clip(share, 0, 1) * (PALETTE_SIZE - 1)).astype(np.uint8)
    return indices


@lru_cache(maxsize=8)
def named_palette(name: str) -> Palette:
    """An opaque palette by matplotlib's name, RGBA ``(PALETTE_SIZE, 4)``."""
    return np.asarray(colormaps[name](np.linspace(0, 1, PALETTE_SIZE), bytes=True), np.uint8)


@lru_cache(maxsize=8)
def fading_palette(*stops: str) -> Palette:
    """From transparent through the stops' ``#rrggbb`` colours to opaque, for light and dark backgrounds."""
    share = np.linspace(0, 1, PALETTE_SIZE)
    return _rgba(stops, share, share**0.8)


@lru_cache(maxsize=8)
def diverging_palette(negative: str, positive: str) -> Palette:
    """Opaque ``negative`` through transparent to opaque ``positive``."""
    share = np.linspace(-1, 1, PALETTE_SIZE)
    palette = np.where(
        share[:, None] < 0,
        _rgba((negative,), share, np.abs(share)),
        _rgba((positive,), share, np.abs(share)),
    )
    merged: Palette = palette.astype(np.uint8)
    return merged


def _rgba(stops: Sequence[str], share: Floats, alpha: Floats) -> Palette:
    colours = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], float)
    places = np.linspace(0, 1, len(stops))
    channels = [np.interp(share, places, colours[:, channel]) for channel in range(3)]
    palette: Palette = np.rint(np.stack([*channels, 255 * alpha], axis=1)).astype(np.uint8)
    return palette


def png_uri(indices: NDArray[np.uint8], palette: Palette) -> str:
    """A ``data:`` address of the indexed image; the first row is the top."""
    image = Image.fromarray(np.ascontiguousarray(indices))
    image.putpalette(palette[:, :3].tobytes(), "RGB")
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=9, transparency=palette[:, 3].tobytes())
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")

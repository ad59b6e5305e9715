"""The containers that can be decoded, and how each is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Clock = Literal["none", "zero", "start"]
"""How a container's timestamps count: not stored, from zero, or from the earliest track's start."""


@dataclass(frozen=True)
class Format:
    """A container: its short name, FFmpeg's demuxer, whether libsndfile decodes it, its clock."""

    name: str
    demuxer: str
    uncompressed: bool = False
    clock: Clock = "none"


WAV = Format("wav", "wav", uncompressed=True)
W64 = Format("w64", "w64", uncompressed=True)
AIFF = Format("aiff", "aiff", uncompressed=True)
AU = Format("au", "au", uncompressed=True)
CAF = Format("caf", "caf", uncompressed=True)
VOC = Format("voc", "voc", uncompressed=True)
NIST = Format("nist", "nistsphere", uncompressed=True)
FLAC = Format("flac", "flac")
OGG = Format("ogg", "ogg", clock="zero")
WEBM = Format("webm", "matroska", clock="zero")
M4A = Format("m4a", "mov", clock="zero")
MOV = Format("mov", "mov", clock="zero")
AVI = Format("avi", "avi", clock="zero")
FLV = Format("flv", "flv", clock="zero")
WMA = Format("wma", "asf", clock="zero")
RM = Format("rm", "rm", clock="zero")
MPEG_TS = Format("mpegts", "mpegts", clock="start")
MPEG_PS = Format("mpeg", "mpeg", clock="start")
AMR = Format("amr", "amr")
MP3 = Format("mp3", "mp3")
AAC = Format("aac", "aac")
AC3 = Format("ac3", "ac3")
EAC3 = Format("eac3", "eac3")
DTS = Format("dts", "dts")
WAVPACK = Format("wv", "wv")
TTA = Format("tta", "tta")

STATES_NO_DURATION = frozenset({AAC, AMR, AC3, EAC3, DTS, MPEG_TS, MPEG_PS})
"""FFmpeg guesses the duration of these from a bit rate or from timestamps near the end."""

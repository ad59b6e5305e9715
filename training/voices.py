"""espeak-ng and flite through their C libraries: speech at 16 kHz and when each phone was spoken.

A process of its own for each sentence would cost more than the synthesis. Both libraries keep global
state, so use one voice at a time and one process for each worker.
"""

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_float, c_int, c_short, c_uint, c_void_p
from dataclasses import dataclass

import numpy as np
import soxr

from training.model import SAMPLE_RATE_HZ

SILENCES = frozenset({"pau", "_:", "_", "_!", "_|", "", "||", "ssil"})
SILENCE = "pau"


@dataclass(frozen=True)
class Speech:
    """Synthetic speech: int16 samples at 16 kHz, and for each phone its name and end in seconds."""

    audio: np.ndarray
    phones: list[tuple[str, float]]


class _EventId(ctypes.Union):
    _fields_ = [("number", c_int), ("name", c_char_p), ("string", c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position_ms", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", _EventId),
    ]


_SynthCallback = ctypes.CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


class Espeak:
    """espeak-ng with phone events; `say` answers synchronously."""

    SYNCHRONOUS, PHONEME_EVENTS, UTF8 = 2, 1, 1
    RATE, PITCH, RANGE = 1, 3, 4
    LIST_END, PHONEME = 0, 7

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate_hz = self.library.espeak_Initialize(
            self.SYNCHRONOUS, 0, None, self.PHONEME_EVENTS
        )
        self._callback = _SynthCallback(self._collect)  # kept alive: the library holds a pointer
        self.library.espeak_SetSynthCallback(self._callback)
        self._audio: list[np.ndarray] = []
        self._starts: list[tuple[str, float]] = []

    def _collect(self, samples: "POINTER[c_short]", count: int, events: "POINTER[_Event]") -> int:
        if samples and count:
            self._audio.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != self.LIST_END:
            if events[index].type == self.PHONEME:
                name = events[index].id.string.decode("utf-8", "replace")
                self._starts.append((name, events[index].audio_position_ms / 1000))
            index += 1
        return 0

    def say(self, text: str, voice: str, words_per_minute: int, pitch: int) -> Speech:
        """Speak `text`; `voice` as in `en-us+f2`, `pitch` in 0 to 100."""
        self._audio, self._starts = [], []
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        self.library.espeak_SetParameter(self.RATE, words_per_minute, 0)
        self.library.espeak_SetParameter(self.PITCH, pitch, 0)
        data = text.encode() + b"\0"
        self.library.espeak_Synth(data, len(data), 0, 1, 0, self.UTF8, None, None)
        audio = np.concatenate(self._audio) if self._audio else np.zeros(1, np.int16)
        total_s = len(audio) / self.rate_hz
        ends = [start for _, start in self._starts[1:]] + [total_s]
        phones = [
            (SILENCE if name in SILENCES else name, end)
            for (name, _), end in zip(self._starts, ends, strict=True)
        ]
        return Speech(soxr.resample(audio, self.rate_hz, SAMPLE_RATE_HZ), phones)


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    ]


class _VoiceHead(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("features", c_void_p)]


class Flite:
    """flite with its voices `slt`, `rms`, `awb` and `kal16`."""

    VOICES = ("slt", "rms", "awb", "kal16")

    def __init__(self) -> None:
        for name in ("libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
            if name == "libflite.so.1":
                self.library = library
        for name, result, arguments in (
            ("flite_synth_text", c_void_p, [c_char_p, c_void_p]),
            ("utt_wave", POINTER(_Wave), [c_void_p]),
            ("utt_relation", c_void_p, [c_void_p, c_char_p]),
            ("relation_head", c_void_p, [c_void_p]),
            ("item_next", c_void_p, [c_void_p]),
            ("item_feat_string", c_char_p, [c_void_p, c_char_p]),
            ("item_feat_float", c_float, [c_void_p, c_char_p]),
            ("feat_set_float", None, [c_void_p, c_char_p, c_float]),
            ("delete_utterance", None, [c_void_p]),
        ):
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments
        self.library.flite_init()
        self.voices = {name: self._load(name) for name in self.VOICES}

    @staticmethod
    def _load(name: str) -> int:
        library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
        register = getattr(library, f"register_cmu_us_{name}")
        register.restype, register.argtypes = c_void_p, [c_char_p]
        return register(None)

    def say(
        self, text: str, voice: str, stretch: float = 1.0, f0_hz: float | None = None
    ) -> Speech:
        """Speak `text`, `stretch` times as long as usual, optionally at another mean pitch."""
        handle = self.voices[voice]
        features = ctypes.cast(handle, POINTER(_VoiceHead)).contents.features
        self.library.feat_set_float(features, b"duration_stretch", stretch)
        if f0_hz is not None:
            self.library.feat_set_float(features, b"int_f0_target_mean", f0_hz)
        utterance = self.library.flite_synth_text(text.encode(), handle)
        wave = self.library.utt_wave(utterance).contents
        audio = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).copy()
        rate_hz = wave.sample_rate
        phones = []
        item = self.library.relation_head(self.library.utt_relation(utterance, b"Segment"))
        while item:
            name = self.library.item_feat_string(item, b"name").decode()
            phones.append((name, self.library.item_feat_float(item, b"end")))
            item = self.library.item_next(item)
        self.library.delete_utterance(utterance)
        if rate_hz != SAMPLE_RATE_HZ:
            audio = soxr.resample(audio, rate_hz, SAMPLE_RATE_HZ)
        return Speech(audio, phones)

"""Scripts that Gradio runs with an event: they pass values between its inputs and the page's scripts."""

from __future__ import annotations

from typing import Final

SHARE_OPTIONS: Final = "(...values) => { window.wav2vec2Options = values; return []; }"
"""Gives the scripts the values of the model's and the options' inputs, in their order."""
SHARE_EXPORT: Final = "(...values) => { window.wav2vec2Export = values; return []; }"
"""The same with the values of the export options' inputs."""
RECORDING: Final = "() => {{ window.wav2vec2Page?.state?.setRecording({on}); return []; }}"
"""Tells the scripts when a recording begins and ends."""
WANTED_FILE: Final = "() => [window.wav2vec2File ?? '']"
"""Tells the server which file the scripts want."""
WANTED_PART: Final = "() => [window.wav2vec2Part ?? '']"
"""Tells the server which part of the recording the pictures are to show."""
WANTED_TIMES: Final = "() => [window.wav2vec2Correction ?? '']"
"""Tells the server which corrected words the scripts want the times of."""

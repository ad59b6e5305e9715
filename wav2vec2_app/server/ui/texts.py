"""Every text of the page: labels, buttons, hints, notices, legends, messages and descriptions.

Values are put in with ``str.format``; HTML is added by ``render``. Texts of decoding options are in their
table (``speech/options.py``), texts of errors with the errors. ``assets/ui/translations.tsv`` has a row for
each: the attributes of this module are texts in the language of the request (``languages.py``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Final

from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.ui import languages

# --- the page -----------------------------------------------------------------------------------

LANGUAGE: Final = "Language"
TITLE: Final = "wav2vec2 · speech recognition you can look into"
NAME: Final = "wav2vec2"
TAGLINE: Final = "Speak. See the transcript, how certain the model is, and what it costs."
PRIVACY: Final = (
    "Audio stays on this server, in memory and in temporary files that are deleted within the hour."
)
USE_FROM_PROGRAM: Final = "Use it from a program"
HTTP_REFERENCE: Final = "HTTP interface"
SYSTEM_STATUS: Final = "System status"
CHANGE_THEME: Final = "Light or dark"
KEYBOARD_SHORTCUTS: Final = "Keyboard shortcuts"
COPY_LINK: Final = "Copy link with these settings"
LINK_HINT: Final = "The link has the model and the options, never audio or text."

# --- input --------------------------------------------------------------------------------------

AUDIO: Final = "Speech"
MICROPHONE: Final = "Microphone"
FILE: Final = "File"
MODEL: Final = "Model"
TRACK_AND_CHANNELS: Final = "Track and channels"
SEPARATE: Final = "One transcript per channel"
SEPARATE_INFO: Final = "For calls with one speaker on each side."
LABEL_SPEAKERS: Final = "Label speakers"
LABEL_SPEAKERS_INFO: Final = "Who says each word, for recordings with several voices."
TRACK: Final = "Audio track"
TRACK_INFO: Final = "Number of the track, if the file has several."
TRACK_PLACEHOLDER: Final = "automatic"
TRANSCRIBE: Final = "Transcribe"
CANCEL: Final = "Cancel"
CLIPS: Final = "Or try a clip"
ADDRESS_REJECTED: Final = "Upload the recording; addresses are not fetched."
MODEL_LABELS: Final[Mapping[str, str]] = {
    "auto": "Automatic (best available)",
    "embedded": "Embedded (small and fast)",
}
MODEL_NOT_DOWNLOADED: Final = "{label} (not downloaded)"
MODEL_DOWNLOADING: Final = "{label} · downloading, {percent} %"
MODEL_LOADED: Final = "{label} · loaded"
MODEL_COLUMNS: Final = ("Model", "state")
MODEL_STATES: Final[Mapping[str, str]] = {
    "loaded": "loaded",
    "loading": "loading",
    "on-disk": "on disk",
    "downloading": "downloading",
    "downloadable": "not downloaded",
    "missing": "not available",
}

# --- decoding options ---------------------------------------------------------------------------

DECODING_OPTIONS: Final = "Decoding options"
HOTWORDS_PLACEHOLDER: Final = "Okonkwo, Szczecin, wav2vec"
RESET: Final = "Reset to defaults"
DECODE_AGAIN: Final = "Decode again"

# --- the status line ----------------------------------------------------------------------------

READY: Final = "Ready."
RUNNING: Final[Mapping[Operation, str]] = {
    Operation.PROBE: "Checking the file",
    Operation.DECODE_AUDIO: "Decoding the audio",
    Operation.TRANSCRIBE: "Transcribing",
    Operation.DECODE_TEXT: "Decoding again",
    Operation.ALIGN: "Aligning the text",
    Operation.ANALYZE: "Computing acoustic features",
    Operation.MEASURE: "Measuring the sound",
    Operation.DRAW: "Drawing the pictures",
    Operation.EXPLORE: "Preparing the part",
    Operation.DESCRIBE: "Waiting for the answer",
    Operation.SEARCH: "Searching",
    Operation.LABEL_SPEAKERS: "Labelling speakers",
}
ATTEMPT: Final = "{text}… (attempt {attempt})"
LEFT: Final = "{text}… {percent}, about {left} left"
NEXT_IN_QUEUE: Final = "Next in the queue"
IN_QUEUE: Final = "Number {position} in the queue"
STARTS_IN: Final = "{queued}, starts in about {wait}."
A_MOMENT: Final = "a moment"
DONE: Final = "Done. {cost}"
FROM_CACHE: Final = "Same recording as before: shown from cache."
FROM_CACHE_IN: Final = "Same recording as before: shown from cache in {took}."
DECODED_AGAIN: Final = "Decoded again in {took}, without running the model."
ALIGNED_ONE: Final = "Aligned 1 word in {took}{without_model}."
ALIGNED: Final = "Aligned {count} words in {took}{without_model}."
WITHOUT_MODEL: Final = ", without running the model"
WAITING_FOR_TRANSCRIPT: Final = "Waiting until the recording is transcribed."
STOPPED: Final = "Stopped."
NOT_DECODED_AGAIN: Final = "Not decoded again: this is the previous transcript."
QUEUE_FULL: Final = "Not started: the queue is full."
NO_TRANSCRIPT: Final = "No transcript."
AUDIO_LENGTH: Final = "{audio} of audio."
AUDIO_SPEED: Final = "{audio} of audio in {work}: {speed}."

# --- cards in place of a transcript -------------------------------------------------------------

IDLE_TITLE: Final = "The transcript appears here"
IDLE: Final = "Record yourself, upload a file, or try one of the clips."
STOPPED_TITLE: Final = "Stopped"
STOPPED_HINT: Final = "Press Transcribe to start again."
SILENCE_TITLE: Final = "No speech found"
SILENCE: Final = (
    "The recording is silent. Check that the microphone is not muted, and speak closer to it."
)
NO_WORDS_TITLE: Final = "No words were recognised"
NO_WORDS: Final = (
    "There is sound, but the model found no words in it. Clear English speech, close to the microphone, "
    "works best."
)

# --- modes --------------------------------------------------------------------------------------

MODES: Final = "Modes"
TRANSCRIBE_MODE: Final = "Transcribe"
HISTORY: Final = "History"
BATCH: Final = "Batch"
STORED: Final = "Transcripts are stored in the history of this browser, which says for how long."

# --- errors -------------------------------------------------------------------------------------

ERROR_OF_LAYER: Final[Mapping[str, str]] = {
    "validation": "This audio cannot be used",
    "context": "This model is not available",
    "resource": "No capacity at the moment",
    "execution": "Something went wrong",
}
ERROR_OF_CODE: Final[Mapping[str, str]] = {
    "audio.missing": "There is no audio yet",
    "queue.full": "Busy at the moment",
    "model": "This model is not available",
    "align": "This text cannot be aligned",
    "decoder": "These decoding options cannot be used",
    "hotwords": "These hotwords cannot be used",
}
"""Titles for single codes or for whole areas of codes, more precise than those of their layers."""
NO_PICTURES_LONG: Final = "No pictures: they are drawn for recordings of up to {minutes} minutes"
NO_PICTURES: Final = "No pictures"
NO_FEATURES: Final = "No acoustic features"
INCOMPLETE: Final = "The result is incomplete"
NO_AUDIO: Final = "There is no audio yet."
NO_AUDIO_HINT: Final = "Record something, upload a file, or choose one of the clips first."
TRY_AGAIN: Final = "Try again"
TRY_AGAIN_IN: Final = "Try again in {seconds} s"
REQUEST: Final = "request"
COPY: Final = "copy"

# --- the transcript -----------------------------------------------------------------------------

TRANSCRIPT: Final = "Transcript"
TRANSCRIPT_HELP: Final = "Words. Arrow keys move from word to word, Enter plays from there."
LEVELS: Final[Mapping[str, str]] = {"high": "certain", "fair": "uncertain", "low": "a guess"}
LEGEND_HELP: Final = "Number of words at each level of confidence"
FROM_PERCENT: Final = "{low} % and more"
BETWEEN_PERCENT: Final = "{low} to {high} %"
BELOW_PERCENT: Final = "below {high} %"
CALIBRATED: Final = (
    "Confidence was calibrated on speech that the model was not trained on: of all words shown with 80 %, "
    "about 8 in 10 are correct."
)
NOT_CALIBRATED: Final = (
    "Confidence is the model's own probability of the letters it chose. It is not calibrated."
)
DECODERS: Final[Mapping[str, str]] = {
    "greedy": "greedy decoding",
    "beam": "beam search with a language model",
}
PARAMETERS: Final = " ({count} parameters)"
TRANSCRIBED_BY: Final = "Transcribed by {model} on {device}, {precision}, {engine}, {decoder}."
EMBEDDED_MODEL: Final = (
    "This is the small model that is included. "
    "It is fast, and makes more mistakes than a full-size model."
)

RESULT_ABOUT: Final = "About this result"
CLICK_HINT: Final = "Click a word to play it."
MANY_UNCERTAIN: Final = (
    "Many words are uncertain: the built-in model is small. Choose a larger one under “Model”; it is "
    "downloaded the first time."
)
EARLIER_RESULT: Final = "Earlier result: {name}"
EARLIER_RECORDING: Final = "the previous recording"
VIEWS: Final = "View of the transcript"
VIEW_TEXT: Final = "Text"
VIEW_WORDS: Final = "Words"
VIEW_JSON: Final = "JSON"
JSON_HELP: Final = "Transcript as JSON"
SEARCH: Final = "Search"
FOLLOW: Final = "Follow the playback"
EDIT: Final = "Correct"
RETIME: Final = "Time the corrected words"

# --- the player ---------------------------------------------------------------------------------

PLAYER: Final = "Player"
PLAY: Final = "Play"
PAUSE: Final = "Pause"
BACK: Final = "Back 5 seconds"
FORWARD: Final = "Forward 5 seconds"
SPEED: Final = "Speed"
UNCERTAIN_WORDS: Final = "Uncertain words"
PREVIOUS: Final = "Previous"
NEXT: Final = "Next"
PREVIOUS_UNCERTAIN: Final = "Previous uncertain word (key p)"
NEXT_UNCERTAIN: Final = "Next uncertain word (key n)"
ZOOM: Final = "Zoom"
ZOOM_IN: Final = "Zoom in"
ZOOM_OUT: Final = "Zoom out"
EARLIER: Final = "Earlier part"
LATER: Final = "Later part"
PICTURES_SCROLL: Final = "Part of the recording in the pictures"
REDRAW: Final = "Draw this part"
NOT_DRAWN: Final = "This part was not drawn."
SHOW_ALL: Final = "All"
SHOW_ALL_HELP: Final = "Show all"
POSITION_LABEL: Final = "Position in the recording"
PLAY_PART: Final = "Play the part"
TRANSCRIBE_PART: Final = "Transcribe only this part"
TRANSCRIBE_PART_HELP: Final = "Replaces the recording by the selected part"
CLEAR_PART: Final = "Clear the selection"
CHOOSE_ANOTHER: Final = "Choose another file"
RECORD_AGAIN: Final = "Record again"
REMOVE: Final = "Remove"

# --- explore ------------------------------------------------------------------------------------

EXPLORE: Final = "Explore what the model saw"
EXPLORE_HINT: Final = (
    "Sound, spectrogram and characters on one time axis; why a word was transcribed"
)

# --- comparison with what was said --------------------------------------------------------------

CHECK: Final = "Compare with what was said"
FIND: Final = "Find a sound"
REFERENCE: Final = "Correct text"
REFERENCE_PLACEHOLDER: Final = "Type or paste the correct text"

# --- the acoustic analysis ----------------------------------------------------------------------

ACOUSTICS: Final = "Acoustic analysis"
ACOUSTICS_IDLE: Final = "Loudness, pitch, formants, tempo and the rate of speech of the recording."
ACOUSTICS_COLUMNS: Final = ("Measure", "Value", "What it says")
MEASURE: Final = "Analyze"
SILENCES: Final = "{count} silences, {total} in all"
SILENCES_ONE: Final = "1 silence of {total}"
EXPORT_ACOUSTICS: Final = "Export the analysis"
MEASURES_CSV: Final = "CSV"
FRAMES_CSV: Final = "CSV of all frames"

# --- export -------------------------------------------------------------------------------------

EXPORT_OPTIONS: Final = "Export options"
EXPORT_TRANSCRIPT: Final = "Export the transcript"
EXPORT_ALIGNMENT: Final = "Export the alignment"
FETCH_FILE: Final = "Fetch the file"
COPY_TEXT: Final = "Copy text"
COPY_TRANSCRIPT: Final = "Copy the transcript"
DOWNLOAD: Final = "Download {file}"
MORE_FORMATS: Final = "More formats"
RULES_PLACEHOLDER: Final = "acme corp = ACME Corp."
SUBTITLE_PREVIEW: Final = "The first subtitles"
SUBTITLE_SAMPLE: Final = "How subtitles look"
SUBTITLE_SAMPLE_TEXT: Final = (
    "Good morning! I was about to make some coffee before the others come down for breakfast."
)
SUBTITLE_TIMES: Final = "at {start}, for {length}"

# --- the table of words -------------------------------------------------------------------------

WORDS: Final = "Words"
WORDS_HELP: Final = "Words with their times"
WORD_COLUMNS: Final = ("Word", "Start", "End", "Confidence")

# --- aligning a text ----------------------------------------------------------------------------

ALIGNMENT: Final = "Align a text"
ALIGNMENT_HINT: Final = "When was each word of a text you know spoken?"
ALIGN_LABEL: Final = "Text to align"
ALIGN_INFO: Final = "Type or paste the text as it is written, with punctuation and numbers."
ALIGN_PLACEHOLDER: Final = "Good morning! I was about to make some coffee…"
ALIGN: Final = "Align"
FILL_FROM_TRANSCRIPT: Final = "Insert the transcript"
ALIGNED_IDLE: Final = (
    "Each word and letter of the text appears here with its time. Press one to play it."
)
ALIGNED_HELP: Final = "Aligned text. Arrow keys move from word to word, Enter plays from there."
ALIGNED_WORD: Final = "{word}, {score}, at {start} seconds"
SHOW_LETTERS: Final = "Letters and times"
ALIGNED_VIEW: Final = "View of the aligned text"
ALIGNED_WORDS: Final = "Word by word"
ALIGNED_LINES: Final = "Line by line"
PLAY_LINE: Final = "Play line {number}, {start} to {end} seconds"
MARK: Final[Mapping[str, str]] = {
    "skipped": "skipped",
    "inserted": "inserted",
    "mispronounced": "mispronounced",
}
MARKS: Final[Mapping[str, str]] = {
    "skipped": "skipped: in the text, not in the recording",
    "inserted": "inserted: said, but not in the text",
    "mispronounced": "mispronounced, or another word was said",
}
MARKS_LABEL: Final = "Marked words"
MARKS_HINT: Final = (
    "By the score of each word and a comparison with the transcript. The model is sometimes wrong itself: "
    "play a word to check it."
)
NO_MARKS: Final = "No skipped, inserted or mispronounced words were found."
SAID_INSTEAD: Final = "the transcript has {word}"
ALIGNED_SCORE: Final = "Mean probability of the letters: {score}."
LOW_MATCH: Final = "Low match: this may not be what was said."
ANY_SOUND: Final = "any sound"
NOT_SPELLED: Final = "not spelled"
NOT_SPELLED_WORD: Final = (
    "This word cannot be spelled with the model's letters. It has the time between its neighbours."
)
NOT_SPELLED_ONE: Final = (
    "The marked word cannot be spelled with the model's letters. It matches any sound, so its time is that "
    "between its neighbours."
)
NOT_SPELLED_MANY: Final = (
    "The {count} marked words cannot be spelled with the model's letters. They match any sound, so their "
    "times are those between their neighbours."
)

# --- describing the sound -----------------------------------------------------------------------

DESCRIPTION: Final = "Describe the sound"
DESCRIPTION_HINT: Final = "Which sounds are there besides the words?"
QUESTION_LABEL: Final = "Question"
QUESTION_INFO: Final = (
    "About speech, music, noises or moods. The first {seconds} s of the audio are sent."
)
DESCRIBE: Final = "Describe"
DESCRIBED_IDLE: Final = "The answer appears here."
DESCRIBED_HELP: Final = "Answer of the description server"
DESCRIBED_IN: Final = "Answered in {took}."
DESCRIBED_NOTE: Final = (
    "A language model wrote this answer. It may be wrong, and another time it may be different."
)
DESCRIBED_PART: Final = "It is about the first {seconds} of the recording."

# --- comparison ---------------------------------------------------------------------------------

COMPARISON: Final = "Compare models and decoders"
COMPARISON_HINT: Final = "The same recording, side by side, and one text of all."
COMPARE: Final = "Compare"
COMPARE_MODELS: Final = "Models"
COMPARE_DECODERS: Final = "Decoders"
COMPARE_RESOLUTION: Final = "Where the texts differ, choose the word with"
CONFLICT_RESOLUTIONS: Final[Mapping[str, str]] = {
    "weighted": "the most votes",
    "highest-confidence": "the highest confidence",
    "latest": "the latest result",
}
COMPARE_REFERENCE: Final = "What was said (optional)"
COMPARE_REFERENCE_INFO: Final = "With it, each text gets its word error rate."
COMPARED_IDLE: Final = "Every model is run with every decoder. The texts appear here side by side."
COMPARED_SO_FAR: Final = "{done} of {count} finished"
COMPARED: Final = "{count} variants compared."
COMPARED_SOME_FAILED: Final = "Finished: {count}. Failed: {failed}."
COMPARE_WAITING: Final = "…"
COMPARE_MEMORY: Final = "{memory} of memory"
COMPARE_CONFIDENCE: Final = "confidence {share}"
COMPARED_NO_WORDS: Final = "No words."
COMPARE_ERRORS: Final = "word errors {rate}"
SYNTHESIS: Final = "One text of all"
DIFFERENCES: Final[Mapping[str, str]] = {
    "changed": "changed",
    "added": "added",
    "missing": "missing",
}
AGAINST_REFERENCE: Final = "Compared with what was said:"
AGAINST_SYNTHESIS: Final = "Compared with the text of all:"

# --- pictures -----------------------------------------------------------------------------------

PICTURES: Final = "Pictures of the sound"
PICTURE: Final[Mapping[str, tuple[str, str]]] = {
    "waveform": ("Waveform", "The sound itself, with a mark at every word."),
    "log_mel": ("Log-mel spectrogram", "How loud each frequency is over time."),
    "mfcc": ("MFCC", "The shape of the spectrum in a few numbers, frame by frame."),
    "pitch_energy": ("Pitch and energy", "How high the voice is, and how loud."),
    "emission": ("CTC emission", "The probability of each letter, 50 times a second."),
}
"""Title and description by the name of the picture."""

# --- cost ---------------------------------------------------------------------------------------

LATENCY: Final = "Time"
LATENCY_HINT: Final = "The time of each stage, up to the last picture."
LATENCY_HELP: Final = "Stages of this request"
STAGES: Final[Mapping[str, str]] = {
    "queue": "Queue",
    "probe": "Check file",
    "decode audio": "Decode audio",
    "resample": "Resample",
    "forward": "Model",
    "whisper": "Whisper",
    "decode text": "Decode text",
    "punctuate": "Add punctuation",
    "align": "Align",
    "search": "Searching",
    "voices": "Voices",
    "speakers": "Labelling speakers",
    "features": "Acoustic features",
    "measure": "Acoustic analysis",
    "explore": "Explored part",
    "explain": "Compared words",
    "layers": "Layers",
    "draw": "Draw pictures",
    "encode": "Encode audio",
    "describe": "Describe",
    "back-off": "Wait before retry",
    "total": "Total",
}
"""Labels of the stages that a request reports; others are shown by their names."""
WAITED: Final = "after waiting {wait} for the worker"
PROCESSES_HELP: Final = "Process of each stage"
PROCESSES: Final[Mapping[str, str]] = {
    "server": "server",
    "audio": "audio worker",
    "inference": "inference worker",
    "text": "text worker",
}
WAITING: Final = "waiting"
REAL_TIME_FACTOR: Final = "real-time factor"
OF_WORK: Final = "of work"
NOT_RUN_AGAIN: Final = "from the cached output of the model: the model did not run again"
SPEED_IN_WORDS: Final = "{audio} of audio in {work}: {speed}"
SPEED_UNKNOWN: Final = "speed not measured"
SPEED_FASTER: Final = "{times} times faster than real time"
SPEED_EQUAL: Final = "as fast as real time"
SPEED_SLOWER: Final = "{times} times slower than real time"

MEMORY: Final = "Memory"
MEMORY_HINT: Final = "The memory of each process without mapped files, and the limit."
MEMORY_LIMIT: Final = "of the limit of {limit}"
MEMORY_SHARE: Final = "{share} of the limit"
MEMORY_WEIGHTS: Final = "{share} of the limit; the model's weights take {weights}"
MEMORY_COLUMNS: Final = ("Process", "now", "peak")

# --- the system line ----------------------------------------------------------------------------

NO_MODEL: Final = "no model loaded"
QUEUED: Final = "{count} waiting"
WORKER_DOWN: Final = "a worker is down"
BREAKERS: Final[Mapping[str, str]] = {
    "open": "{circuit} is paused after repeated failures",
    "half-open": "{circuit} is being tried again after a pause",
}
"""Circuit breakers that are not closed, by their state."""
STARTING: Final = "starting"
NOTES: Final = "Notes: {count}"
BUILT_IN_MODEL: Final = "Built-in model in use"
SYSTEM_DETAILS: Final = "Show the memory of the system"

# --- the status view ----------------------------------------------------------------------------

STATUS_TITLE: Final = "System status"
STATUS_BACK: Final = "Back to the page"
STATUS_LOST: Final = "The server does not respond. Trying again…"
STATUS_READY: Final = "Ready"
STATUS_NOT_READY: Final = "Not ready"
STATUS_REQUESTS: Final = "Requests"
STATUS_REQUESTS_HINT: Final = "Finished in the last 15 minutes, by half minutes."
STATUS_REQUESTS_ALT: Final = "Finished requests: {done} succeeded, {failed} failed"
STATUS_SUCCEEDED: Final = "{count} succeeded"
STATUS_FAILED: Final = "{count} failed"
STATUS_AGO: Final = ("15 min ago", "now")
STATUS_STAGES: Final = "Time of each stage"
STATUS_STAGES_NONE: Final = "No request has finished in the last 15 minutes."
STATUS_STAGE_COLUMNS: Final = ("Stage", "count", "median", "95 %", "99 %")
STATUS_MEMORY: Final = "Memory over time"
STATUS_MEMORY_HINT: Final = "Measured while this view is open; at most 15 minutes."
STATUS_MEMORY_ALT: Final = "Resident memory: {total} of {limit}"
STATUS_QUEUE: Final = "Queue"
STATUS_QUEUE_FACTS: Final = ("waiting", "running", "estimated wait")
STATUS_BREAKERS: Final = "Circuit breakers"
STATUS_BREAKERS_NONE: Final = "No operation was used yet."
STATUS_WORKERS: Final = "Workers"
STATUS_WORKER_COLUMNS: Final = (
    "Worker", "state", "process", "age", "start", "busy", "waiting", "restarts", "last exit",
)  # fmt: skip
STATUS_INCIDENTS: Final = "Recent incidents"
STATUS_INCIDENTS_NONE: Final = "No worker has failed, and no breaker has opened."
STATUS_SINCE: Final = "{time} ago"

# --- live captions ------------------------------------------------------------------------------

LIVE: Final = "Live"
LIVE_START: Final = "Start listening"
LIVE_STOP: Final = "Stop listening"
LIVE_SOURCE: Final = "Sound from"
LIVE_TAB: Final = "Tab or system sound"
LIVE_LEVEL: Final = "Microphone level"
LIVE_TIME: Final = "Time"
LIVE_DELAY: Final = "Delay"
LIVE_DELAY_HELP: Final = "Audio that has arrived and is not transcribed yet"
LIVE_HINT: Final = (
    "Words appear while you speak. {grey} words are tentative and may still change; the others are "
    "committed. A short pause ends a line."
)
LIVE_GREY: Final = "Grey"
LIVE_IDLE_TITLE: Final = "Captions appear here"
LIVE_IDLE: Final = "Press “Start listening” and speak."
LIVE_CAPTIONS: Final = "Captions"
LIVE_COMMITTED: Final = "Committed words"
LIVE_EXPORT: Final = "Export the captions"
LIVE_COPY: Final = "Copy the captions"
LIVE_OPEN: Final = "Open as recording"
LIVE_OPEN_HELP: Final = "Open as recording, with the complete analysis"
LIVE_CLEAR: Final = "Clear"

# --- texts of the scripts -----------------------------------------------------------------------

_UPLOAD_INSTEAD: Final = "Upload a file instead."

FOR_SCRIPTS: Final[Mapping[str, object]] = {
    "transcript": TRANSCRIPT,
    "microphoneLabel": MICROPHONE,
    "confidence": "confidence",
    "copied": "Copied",
    "nothingToExport": "Transcribe again first",
    "copyRefused": "Not allowed",
    "tryAgain": TRY_AGAIN,
    "tryAgainIn": TRY_AGAIN_IN,
    "help": {
        "title": KEYBOARD_SHORTCUTS,
        "close": "Close",
        "record": "Record, or stop recording",
        "play": "Play or pause",
        "space": "Space",
        "uncertain": "Next, previous uncertain word",
        "correct": "Correct the word or the selected words",
        "accept": "Accept the word and go to the next uncertain one",
        "choose": "Replace the word by an alternative",
        "undo": "Undo, redo",
        "words": "In the transcript: go to words; with Shift, select them",
        "search": SEARCH,
        "list": "This list",
        "letters": "Use keys of a single letter",
    },
    "ways": {
        "copied": "Copied",
        "newHere": "New here?",
        "lines": [
            "Record yourself, upload a file or try a clip: the words appear with their times.",
            "Colours say how certain the model is. Click a word to play it; correct it where it is wrong.",
            "Export the text or subtitles, and press ? for all keys.",
        ],
        "understood": "Understood",
    },
    "cannotPlay": ["This browser cannot play this file.", "The transcript is not affected."],
    "player": {
        "play": PLAY,
        "pause": PAUSE,
        "position": "{time} of {duration}",
        "selected": "Selected {start} to {end}",
        "part": "{start} to {end}",
        "channel": "Channel {channel}",
        "speaker": "Speaker {number}",
        "word": "{word}, {percent} percent, at {start} seconds",
        "hits": "{at} of {count}",
        "noHits": "Not found",
        "picture": "{title}. Left and right arrows move the position, plus and minus zoom.",
        "picturePart": "{start} to {end}",
        "recordingName": "recording",
        "noJson": "The JSON is shown once the transcript is complete.",
        "jsonCut": "The rest is in the exported file.",
        "choices": "Or was it",
        "chosen": "{before} replaced by {after}",
    },
    "source": {
        "recording": "Your recording",
        "recordAgain": RECORD_AGAIN,
        "chooseAnother": CHOOSE_ANOTHER,
        "length": "Length {time}",
    },
    "state": {
        "transcribe": TRANSCRIBE,
        "transcribeAgain": "Transcribe again",
        "noAudio": "Record, upload a file or choose a clip first.",
        "ready": "Transcript ready, words: {words}, uncertain: {uncertain}",
        "readyEmpty": "Transcript ready, no words",
    },
    "explore": {
        "help": "Drag to zoom, click to go to a place. In the plots, arrow keys step through frames, plus "
        "and minus zoom, Enter plays from the frame.",
        "tools": "Part that is shown",
        "frames": "Frame of the model. Arrow keys step, plus and minus zoom, Enter plays.",
        "words": "Words in this part. Choose one to see why it was transcribed.",
        "whyLabel": "Why this word",
        "similarity": "Self-similarity",
        "similarityHint": "Time runs to the right and upwards. A mark: the same characters are probable at "
        "both moments. The diagonal is each moment with itself; marks beside it are sounds that return.",
        "similarityLabel": "Similarity of each two moments from {start} to {end} seconds",
        "layers": {
            "title": "Layers",
            "hint": "The model runs once more over this part, layer by layer.",
            "busy": "Running the model",
            "lens": "Characters of each layer",
            "lensHint": "What the model would write if it ended after this layer: its last steps, "
            "applied early. The last layer is on top. _ is a space, ◦ a special token; a stronger bar "
            "is more probable. Zoom in where characters have no room.",
            "moved": "Change by each layer",
            "movedHint": "How far a layer turns a frame away from the layer before (1 − cosine). "
            "A strong colour is far.",
            "similarity": "Self-similarity of",
            "similarityHint": "How alike the layer makes two moments: cosine of their hidden frames, without "
            "the mean of the part. A strong colour beside the diagonal: something returns.",
            "layer": "layer {number}",
            "input": "Input",
            "first": "To the right",
            "second": "Upwards",
            "moment": "{time} s ({word})",
            "momentAlone": "{time} s",
            "pair": "{one} and {other}: cosine {value}",
            "cell": "{layer}: {token} {percent} %, change {moved}",
            "noFrame": "Point at a frame to see what each layer says there.",
            "merged": "Self-similarity: each column is the mean of {count} frames.",
            "range": "{start} to {end} seconds",
            "table": "Text of each layer",
            "columns": ["Layer", "Text", "Same as the result", "Change"],
        },
        "scroll": "Start of the part",
        "earlier": EARLIER,
        "later": LATER,
        "zoomIn": ZOOM_IN,
        "zoomOut": ZOOM_OUT,
        "all": SHOW_ALL,
        "showAll": SHOW_ALL_HELP,
        "channel": "Channel",
        "channelNumber": "Channel {channel}",
        "part": "{start} to {end}",
        "plots": {
            "waveform": "Waveform and words",
            "spectrogram": "Spectrogram, frequency in Hz (mel axis)",
            "emission": "Emission: probability of each character",
            "tracks": "Blank (dashed, left axis) and entropy (solid, bits)",
        },
        "merged": "Each column shows {count} frames. Zoom in for single frames.",
        "noEmission": "This model gives no emission: there are no characters to show.",
        "noFrame": "Point at a frame, or press an arrow key in the plots, to see its characters.",
        "failed": "The part could not be loaded. Zoom or scroll to try again.",
        "frame": "{start}–{end} s, entropy {bits} bits",
        "blank": "blank",
        "space": "space",
        "tooManyWords": "Zoom in to choose a word.",
        "why": "Why “{word}”",
        "playWord": "Play the word",
        "letters": "Characters of the word with their probabilities and times",
        "noLetters": "Its characters do not fit into this place.",
        "alone": "The emission alone says: {letters}",
        "table": "Words compared in this place",
        "columns": ["Word", "Characters", "Sound", "Language", "Total"],
        "noFit": "does not fit",
        "unknown": "not in the lexicon",
        "noOther": "The decoder considered no other word here.",
        "against": "Against “{other}”: sound {sound}",
        "language": "and language model {value} (natural logarithm; above 0 favours the transcribed word).",
        "noLanguage": "(natural logarithm; above 0 favours the transcribed word). No language model was "
        "used.",
        "another": "Compare with another word",
        "compare": "Compare",
    },
    "comparison": {
        "rate": "Word error rate {percent} % (errors: {errors}, words: {words}).",
        "missing": "Said, not in the transcript",
        "extra": "In the transcript, not said",
        "tooLong": "This is too long to compare on the page.",
    },
    "speakers": {
        "title": "Speakers",
        "hint": "Who speaks? A name is used for all words of a speaker, also in files.",
        "name": "Name of {label}",
        "renamed": "{label} is now called {name}.",
        "taken": "Another speaker is called {name}.",
    },
    "editor": {
        "title": "Correct the transcript",
        "hint": "Go to a word and press E, or select several words. Press A to accept the word, Ctrl+Z to "
        "undo. Corrected words get their times from the recording.",
        "correct": "Correct the words",
        "fieldLabel": "Instead",
        "fieldHint": "One word, several, or none to delete. Enter saves, Escape cancels.",
        "save": "Save",
        "cancel": "Cancel",
        "undo": "Undo",
        "redo": "Redo",
        "loop": "Loop",
        "original": "Show what the model wrote",
        "restore": "Back to the original",
        "close": "Close",
        "more": "Show more",
        "accept": "Accept",
        "count": "Corrected: {changed}. Accepted: {checked}.",
        "review": "Uncertain words to review: {count}",
        "allReviewed": "No uncertain words are left.",
        "wordLabel": "Text of {word} at {start}",
        "playWord": "Play {word} at {start}",
        "choose": "Replace {word} by {other}",
        "acceptWord": "Accept {word}",
        "corrected": "{before} replaced by {after}",
        "deleted": "{before} deleted",
        "accepted": "{word} accepted",
        "undone": "Undone",
        "redone": "Done again",
        "nothingToUndo": "There is nothing to undo",
        "nothingToRedo": "There is nothing to redo",
        "restored": "The original is back",
        "chooseFirst": "Choose a word first.",
        "notTimed": "The corrected words keep estimated times.",
        "stored": "Corrections are stored in the history.",
        "originalStored": "The history has the original again.",
        "notStored": "The corrections are on this page only; they could not be stored in the history.",
        "storeAgain": "Store again",
        "lost": "The connection was lost. Try again.",
    },
    "find": {
        "word": "Word, as it is written",
        "find": "Find",
        "place": "Search in",
        "inRecording": "this recording",
        "inHistory": "the history",
        "say": "Say it",
        "stopSaying": "Stop and search",
        "saying": "Say the word now. The search starts after {count} seconds, or when you stop.",
        "useStretch": "Use the selected stretch",
        "select": "To find a sound, select it in the waveform of the player.",
        "selected": "Selected: {start} to {end}",
        "searching": "Searching",
        "count": "Hits: {count}, the best first",
        "none": "Nothing was found.",
        "searched": "Stored transcripts searched: {count}",
        "older": "Search older ones",
        "open": "Open",
        "openHit": "Open {name} at {time}",
        "hitsLabel": "Hits",
        "play": "Play",
        "playHit": "Play hit {number}, {time}",
        "score": "How well it matches",
        "channel": "Channel {channel}: {said}",
        "noWord": "Type a word, or select a stretch of the waveform.",
        "lost": "The connection was lost. Try again.",
    },
    "history": {
        "title": HISTORY,
        "stored": "Transcripts, and what the model computed from the sound, are stored for {time}, for this "
        "browser only.",
        "noRecordings": "Recordings are not stored.",
        "recordings": "Recordings are stored, too.",
        "storeRecordings": "Store recordings, too",
        "search": "Search in names, tags and texts",
        "tag": "Tag",
        "allTags": "All tags",
        "exportAll": "Export all (ZIP)",
        "deleteAll": "Delete all",
        "deleteAllNow": "Delete all ({count})",
        "keep": "Keep them",
        "count": "{count} stored, {size}",
        "empty": "Nothing is stored yet. Transcribe something, and it appears here.",
        "nothingFound": "Nothing was found.",
        "more": "Show older ones",
        "facts": "{age} · {length} · words: {words} · {percent} % · {model}",
        "expires": "It will be deleted {time}.",
        "name": "Name",
        "tags": "Tags, separated by commas",
        "save": "Save",
        "saved": "Saved",
        "delete": "Delete",
        "deleted": "Deleted",
        "decodeAgain": "Decode again with the options on the page",
        "similar": "Recordings like this one",
        "alike": "{percent} % alike",
        "noneAlike": "There is no other recording to compare it with.",
        "choose": "Choose a transcript to open it here.",
        "noWords": "No words",
        "download": "Download {kind}",
        "notStored": "The latest transcript could not be stored",
        "off": "The history cannot be used",
        "word": "{percent} % · {start} s",
        "isCorrected": "corrected",
        "corrected": "This transcript was corrected.",
        "modelWrote": "This is what the model wrote.",
        "original": "Show what the model wrote",
        "restore": "Discard the corrections",
        "restored": "The original is back",
    },
    "batch": {
        "title": BATCH,
        "about": "Many files or a complete folder, transcribed in the background with the model and options "
        "of the page. You can close the page and come back.",
        "stored": "Files are stored until they are transcribed; results for {time} after that.",
        "chooseFiles": "Choose files",
        "chooseFolder": "Choose a folder",
        "drop": "or drop them here",
        "tooMany": "{count} files were chosen; the limit is {most}.",
        "none": "No batches yet.",
        "listed": "{done} of {total} done",
        "failed": "{failed} failed",
        "eta": "about {time} left",
        "finished": "Finished",
        "uploading": "Files being sent: {count}",
        "missing": "Files not sent: {count}. Choose the same files again to continue.",
        "download": "Download results (ZIP)",
        "delete": "Delete the batch",
        "deleted": "Deleted",
        "table": "Files of the batch",
        "columns": ["File", "State", "Text", "Confidence"],
        "states": {
            "missing": "not sent",
            "waiting": "waiting",
            "running": "{percent} %",
            "done": "done",
            "failed": "failed",
        },
        "progress": "{done} of {total} files are finished",
        "cannot": "The batch cannot be used",
        "files": "{count} files",
        "diarize": LABEL_SPEAKERS,
        "diarizeHint": LABEL_SPEAKERS_INFO,
        "lost": "The connection was lost.",
    },
    "fileTooLarge": [
        "This file is too large.",
        "The file is {size} MB; the limit is {limit} MB. Save it in a compressed format (FLAC, MP3, Opus), "
        "or split it. (audio.too_large)",
    ],
    "microphone": {
        "insecure": [
            "The microphone needs a secure page.",
            "This address is neither https nor localhost, so the browser does not allow access to the "
            "microphone. Open the page over https, or upload a file instead.",
        ],
        "NotAllowedError": [
            "The microphone is blocked for this page.",
            "Allow it in the browser's address bar, then start again, or upload a file.",
        ],
        "NotFoundError": [
            "No microphone was found.",
            "Connect one and start again, or upload a file.",
        ],
        "NotReadableError": [
            "The microphone is in use by another program.",
            "Close that program and start again, or upload a file.",
        ],
        "other": ["The microphone did not start.", _UPLOAD_INSTEAD],
        "ended": [
            "The microphone was disconnected.",
            "The captions so far remain. Start again to continue.",
        ],
    },
    "sharing": {
        "NoSound": [
            "No sound was shared.",
            "Start again, choose a tab or a screen, and switch on the sharing of its sound.",
        ],
        "other": [
            "Nothing was shared.",
            "Start again and choose a tab or a screen, or use the microphone.",
        ],
        "ended": [
            "The shared sound has ended.",
            "The captions so far remain. Start again to continue.",
        ],
    },
    "live": {
        "mode": LIVE,
        "recordingName": "live recording",
        "start": LIVE_START,
        "stop": LIVE_STOP,
        "waiting": "Waiting for the microphone…",
        "listening": "Listening. You can speak.",
        "notListening": "Not listening.",
        "reconnecting": "Connecting again; the recording continues.",
        "finishing": "Finishing the transcript…",
        "done": "Done.",
        "stopped": STOPPED,
        "passFailed": "A pass failed and is repeated; no audio is lost.",
        "unfinished": "The session ended before the last pass over these words.",
        "connectionLost": [
            "The connection was lost.",
            "The captions so far remain. Start again to continue.",
        ],
        "behind": [
            "The server is behind",
            "Captions appear later than usual because the server is busy. No audio is lost.",
        ],
        "delay": "{seconds} s",
        "word": "confidence {confidence} % · {start}–{end} s",
    },
}
"""What ``page.js`` and ``live.js`` show; a pair is a title and what to do."""


def css_variables() -> str:
    """The texts that style sheets show (on parts of Gradio's that have none), as CSS variables."""
    now = sys.modules[__name__]
    in_style_sheets = {
        "microphone": now.MICROPHONE,
        "file": now.FILE,
        "alignment-hint": now.ALIGNMENT_HINT,
        "description-hint": now.DESCRIPTION_HINT,
        "comparison-hint": now.COMPARISON_HINT,
    }
    lines = "".join(
        f"--w-text-{name}: {json.dumps(text, ensure_ascii=False)};"
        for name, text in in_style_sheets.items()
    )
    return f":root {{ {lines} }}"


class _Texts(ModuleType):
    """The module: what is written in capitals has the language of the request."""

    def __getattribute__(self, name: str) -> object:
        value: object = super().__getattribute__(name)
        return languages.translated(value) if name.isupper() else value


sys.modules[__name__].__class__ = _Texts

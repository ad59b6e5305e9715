"""The page in a real browser, on the real server with the embedded model."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path

import av
import httpx
import jiwer
import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, Request

from benchmarks.server import RunningServer
from tests.e2e.conftest import MAX_BYTES, Launch, Open
from tests.examples import Clip, clips
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import pictures
from wav2vec2_app.server.ui.render.confidence import LEVELS
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, OPTION, OPTIONS

pytestmark = pytest.mark.e2e

WORDS = "#answer .w-words"
DONE = '#status [data-state="done"]'
ERROR = "#problem .w-error"
LONGEST = clips()[-1]
COUNT_WORDLESS = """() => {
    window.wordless = 0;
    const look = () => { if (!document.querySelector("#answer .w-words")) window.wordless += 1; };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true });
}"""
"""From now on, how often the page changes and has no words at all."""
MAX_CER = 0.6
"""Character error rate up to which the small model transcribed the clip and nothing else."""


def choose(page: Page, clip: Clip) -> None:
    """Press the button of an example clip."""
    listing = json.loads((clip.path.parent / "examples.json").read_text(encoding="utf-8"))
    title = next(one["title"] for one in listing if one["file"] == clip.path.name)
    page.get_by_role("button", name=title).click()


def upload(page: Page, path: Path) -> None:
    page.get_by_label("Upload file").click()
    page.locator("#audio input[type=file]").set_input_files(path)


SPELLED = """() => [...document.querySelectorAll('#answer .w-words .w-word')]
    .map((one) => one.textContent).join(' ').toLowerCase()"""


def words(page: Page) -> str:
    return str(page.evaluate(SPELLED))


def is_transcript(clip: Clip, text: str) -> bool:
    return jiwer.cer(clip.text, text.lower()) <= MAX_CER


# --- the main job -------------------------------------------------------------------------------


RECORDED = (
    "least => { const t = document.querySelector('#audio .duration-button');"
    " const m = t && t.innerText.match(/(\\d+):(\\d+)\\s*$/);"
    " return m && 60 * m[1] + 1 * m[2] >= least }"
)
"""Whether the microphone has recorded that many seconds."""


def test_recording_from_the_microphone_becomes_words(page: Page, clip: Clip) -> None:
    seconds = len(clip.samples()) / 16_000

    page.get_by_role("button", name="Record", exact=True).click()
    stop = page.locator("#audio .stop-button")
    stop.wait_for(state="visible")
    page.wait_for_function(RECORDED, arg=seconds + 1)
    stop.click()
    page.wait_for_selector(DONE)

    found, spoken = words(page).split(), clip.text.split()
    hits = jiwer.process_words(clip.text, " ".join(found)).hits
    assert hits >= len(spoken) / 4 or is_transcript(clip, " ".join(found)), found


def test_uploaded_file_becomes_words_table_pictures_and_cost(page: Page, clip: Clip) -> None:
    upload(page, clip.path)
    page.wait_for_selector(DONE)

    assert is_transcript(clip, words(page))
    assert page.locator("#words tbody tr").count() == page.locator(f"{WORDS} .w-word").count()
    for place in pictures.PLACES:
        assert page.locator(f"#picture-{place.name} svg[role=img]").count() == 1
    stages = page.locator("#latency .w-bar-name").all_inner_texts()
    assert {"Queue", "Decode audio", "Model", "Draw pictures", "Total"} <= set(stages)
    assert "real time" in page.locator("#latency").inner_text()
    assert page.locator("#memory table:not(.w-models) tbody tr").count() == 4
    assert "embedded" in (page.locator(".w-answered").text_content() or "")


@pytest.mark.slow
def test_words_are_there_before_the_pictures(page: Page) -> None:
    page.evaluate(
        """() => {
          window.seen = [];
          const look = () => seen.push([
            document.querySelectorAll('#answer .w-words').length,
            document.querySelectorAll('#pictures svg[role=img]').length]);
          new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
        }"""
    )

    choose(page, LONGEST)
    page.wait_for_selector(DONE)

    seen = page.evaluate("window.seen")
    assert [1, 0] in seen, "words without any picture were on the page"
    assert seen[-1] == [1, len(pictures.PLACES)]


@pytest.mark.slow
def test_nothing_above_the_words_moves_while_results_arrive(page: Page) -> None:
    tops = "() => ['#answer', '#transport', '#transcript'].map(s => document.querySelector(s)"
    tops += ".getBoundingClientRect().top)"
    choose(page, LONGEST)
    page.wait_for_selector('#pictures [data-state="pending"]')
    before = page.evaluate(tops)

    page.wait_for_selector(DONE)

    assert page.evaluate(tops) == pytest.approx(before, abs=40)


@pytest.mark.slow
def test_silence_is_explained(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)

    upload(page, path)
    page.wait_for_selector(DONE)

    assert "The recording is silent" in page.locator("#answer").inner_text()


# --- errors ----------------------------------------------------------------------------


def test_text_named_wav_is_rejected_on_the_page(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("This is a shopping list.\n" * 20)

    upload(page, path)
    page.wait_for_selector(ERROR)

    card = page.locator(ERROR).inner_text()
    assert "audio.not_audio" in card
    assert "WAV" in card
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", card), "the id of the request"
    assert page.locator(ERROR).get_attribute("role") == "alert"
    assert page.get_by_role("button", name="Transcribe").is_enabled()


@pytest.mark.slow
def test_transcribe_is_enabled_once_there_is_audio(page: Page, clip: Clip) -> None:
    page.wait_for_selector("#run:disabled")
    assert page.locator("#run").inner_text() == texts.TRANSCRIBE

    choose(page, clip)
    page.wait_for_selector(DONE)
    page.wait_for_selector("#run:enabled:has-text('Transcribe again')")

    page.get_by_role("button", name=texts.REMOVE).click()
    page.wait_for_selector("#run:disabled")
    page.wait_for_selector("#transcript:has-text('The transcript appears here')")


def test_cancel_stops_the_work(page: Page, lecture: Path) -> None:
    cancel = page.get_by_role("button", name="Cancel")
    assert cancel.is_disabled()

    upload(page, lecture)
    page.wait_for_function("() => !document.querySelector('#cancel').disabled")
    cancel.click()
    page.wait_for_selector('#status [data-state="idle"]')

    assert "Stopped" in page.locator("#status").inner_text()
    page.wait_for_function("() => document.querySelector('#cancel').disabled")


@pytest.mark.slow
def test_newer_audio_replaces_the_older(page: Page, clip: Clip, lecture: Path) -> None:
    upload(page, lecture)
    page.wait_for_selector('#status [data-state="running"]')

    choose(page, clip)
    page.wait_for_selector(DONE)

    assert is_transcript(clip, words(page))


@pytest.mark.slow
def test_closed_tab_leaves_no_work_behind(
    server: RunningServer, open_page: Open, lecture: Path
) -> None:
    def cancelled() -> float:
        metrics = httpx.get(f"{server.url}/metrics").text
        counts = re.findall(r'wav2vec2_tasks_total\{.*"task.cancelled".*\} (\S+)', metrics)
        return sum(map(float, counts))

    before = cancelled()
    page = open_page()
    upload(page, lecture)
    page.wait_for_function("() => !document.querySelector('#cancel').disabled")

    page.close()

    while cancelled() == before:  # pytest's time limit ends it at the latest
        time.sleep(0.1)
    assert cancelled() == before + 1


@pytest.mark.slow
def test_blocked_microphone_is_explained(server: RunningServer, launch: Launch) -> None:
    browser = launch("--deny-permission-prompts", "--use-fake-device-for-media-stream")
    page = browser.new_page()
    page.goto(server.url)
    page.wait_for_selector("#run")

    page.evaluate("navigator.mediaDevices.getUserMedia({audio: true}).catch(() => 0)")
    page.wait_for_selector(".w-microphone-note")

    assert "microphone is blocked" in page.locator("#microphone-note").inner_text()
    browser.close()


@pytest.mark.slow
def test_page_without_a_secure_context_explains_why_there_is_no_microphone(
    server: RunningServer, launch: Launch
) -> None:
    browser = launch("--host-resolver-rules=MAP speech.example 127.0.0.1")
    page = browser.new_page()
    page.goto(server.url.replace("127.0.0.1", "speech.example"))
    page.wait_for_selector(".w-microphone-note")

    note = page.locator("#microphone-note").inner_text()
    assert "https" in note
    assert "upload a file" in note
    browser.close()


def test_file_over_the_limit_is_rejected_before_the_upload(page: Page, tmp_path: Path) -> None:
    page.get_by_label("Upload file").click()
    page.wait_for_selector("#audio input[type=file]", state="attached")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 2**20)

    page.locator("#audio input[type=file]").set_input_files(path)
    page.wait_for_selector(".w-microphone-note")

    assert "audio.too_large" in page.locator("#microphone-note").inner_text()
    assert not [url for url in sent if "/upload" in url]


# --- files of any type --------------------------------------------------------------------------

VIDEO_FILES = ("webm", "mp4", "mov", "mkv", "avi", "caf", "w64")
"""Endings to which browsers give no type of audio."""
DROP_OR_PASTE = """async ([kind, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const place = kind === "drop" ? document.querySelector("#audio input[type=file]").parentElement
    : document.body;
  const init = { bubbles: true, cancelable: true };
  place.dispatchEvent(kind === "drop"
    ? new DragEvent("drop", { ...init, dataTransfer: transfer })
    : new ClipboardEvent("paste", { ...init, clipboardData: transfer }));
}"""


def encoded(clip: Clip, folder: Path, ending: str) -> Path:
    """The clip in a container that its name ends with."""
    path = folder / f"recording.{ending}"
    if ending in ("caf", "w64"):
        soundfile.write(path, clip.samples(), 16_000, format=ending.upper(), subtype="PCM_16")
        return path
    codec, rate = {"webm": ("libopus", 48_000), "avi": ("pcm_s16le", 16_000)}.get(
        ending, ("aac", 16_000)
    )
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(clip.samples()[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        resampler = av.AudioResampler(stream.format.name, "mono", rate, frame_size=960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return path


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("ending", VIDEO_FILES)
def test_file_without_a_type_of_audio_is_transcribed(
    page: Page, clip: Clip, tmp_path: Path, ending: str
) -> None:
    upload(page, encoded(clip, tmp_path, ending))
    page.wait_for_selector(DONE)

    assert is_transcript(clip, words(page))


@pytest.mark.matrix
@pytest.mark.parametrize("ending", ["webm", "mp4"])
@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_dropped_or_pasted_video_is_transcribed(
    page: Page, clip: Clip, tmp_path: Path, kind: str, ending: str
) -> None:
    data = base64.b64encode(encoded(clip, tmp_path, ending).read_bytes()).decode()
    if kind == "drop":
        page.get_by_label("Upload file").click()
        page.wait_for_selector("#audio input[type=file]", state="attached")

    page.evaluate(DROP_OR_PASTE, [kind, f"call.{ending}", f"video/{ending}", data])
    page.wait_for_selector(DONE)

    assert is_transcript(clip, words(page))


@pytest.mark.slow
def test_pasted_file_replaces_the_recording_on_the_page(
    page: Page, clip: Clip, tmp_path: Path
) -> None:
    data = base64.b64encode(encoded(clip, tmp_path, "mp4").read_bytes()).decode()
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    upload(page, path)
    page.wait_for_selector(DONE)

    page.evaluate(DROP_OR_PASTE, ["paste", "call.mp4", "video/mp4", data])
    page.wait_for_selector(WORDS)

    assert is_transcript(clip, words(page))


@pytest.mark.slow
def test_call_gives_one_transcript_per_channel(page: Page, clip: Clip, tmp_path: Path) -> None:
    samples = np.zeros((2 * len(clip.samples()), 2), np.float32)
    samples[: len(samples) // 2, 0] = samples[len(samples) // 2 :, 1] = clip.samples()
    path = tmp_path / "call.wav"
    soundfile.write(path, samples, 16_000)
    page.get_by_role("button", name=texts.TRACK_AND_CHANNELS).click()
    page.get_by_label(texts.SEPARATE).check()

    upload(page, path)
    page.wait_for_selector(DONE)

    labels = page.locator(f"{WORDS} .w-channel").all_text_contents()
    assert list(dict.fromkeys(labels)) == ["Channel 1:", "Channel 2:"]
    assert page.locator('#actions [data-name="transcript.srt"]').get_attribute("disabled") is None


@pytest.mark.slow
def test_file_dialog_offers_videos_and_rare_formats(page: Page) -> None:
    page.get_by_label("Upload file").click()
    page.wait_for_selector("#audio input[type=file]", state="attached")

    with page.expect_file_chooser():
        page.locator("#audio input[type=file]").evaluate("input => input.parentElement.click()")

    offered = page.locator("#audio input[type=file]").get_attribute("accept") or ""
    assert {"audio/*", "video/*", ".mkv", ".caf", ".w64"} <= set(offered.split(","))


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("name", ["letter.pdf", "picture.png", "notes.txt", "archive.zip", "none"])
def test_file_of_another_kind_gets_an_error_card(page: Page, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"This is not a recording.\n" * 50)

    upload(page, path)
    page.wait_for_selector(ERROR)

    assert "audio.not_audio" in page.locator(ERROR).inner_text()


# --- the result ----------------------------------------------------------------------


@pytest.mark.slow
def test_word_plays_and_shows_its_confidence(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)

    word = page.locator(f"{WORDS} .w-word").nth(1)
    word.hover()
    tip = page.locator(".w-tip").inner_text()
    assert word.get_attribute("data-confidence") in tip
    word.click()

    page.wait_for_selector(f"{WORDS} .w-now")
    page.wait_for_selector("#pictures .w-playhead", state="attached")


@pytest.mark.slow
def test_keyboard_moves_through_the_transcript(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)

    page.locator(WORDS).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    assert page.locator(f"{WORDS} .w-word").nth(1).evaluate("e => e.classList.contains('w-at')")
    assert page.locator(".w-tip").is_visible()


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json"])
def test_transcript_can_be_exported(page: Page, clip: Clip, kind: str, tmp_path: Path) -> None:
    choose(page, clip)
    page.wait_for_selector(f'#actions [data-name="transcript.{kind}"]:not([disabled])')

    with page.expect_download() as download:
        page.locator(f'#actions [data-name="transcript.{kind}"]').click()
    path = tmp_path / kind
    download.value.save_as(path)

    text = path.read_text(encoding="utf-8")
    transcript = json.loads(text)["text"] if kind == "json" else text
    assert words(page).split()[0] in transcript.lower()


@pytest.mark.slow
def test_transcript_can_be_exported_in_one_format_after_another(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector('#actions [data-name="transcript.txt"]:not([disabled])')
    files = []
    for kind in ("vtt", "srt", "vtt"):
        with page.expect_download() as download:
            page.locator(f'#actions [data-name="transcript.{kind}"]').click()
        files.append(Path(download.value.path()).read_text(encoding="utf-8"))

    assert files[0].startswith("WEBVTT")
    assert files[1].startswith("1\n00:00:00,")
    assert files[2] == files[0]


# --- decoding options -----------------------------------------------------------------------------

DECODED_AGAIN = '#status:has-text("Decoded again in")'


def open_accordion(page: Page, name: str) -> None:
    accordion = page.get_by_role("button", name=name)
    accordion.click()
    page.wait_for_function(
        "name => [...document.querySelectorAll('[aria-expanded=true]')]"
        ".some(e => e.innerText.includes(name))",
        arg=name,
    )


@pytest.fixture
def finished(page: Page, clip: Clip) -> Page:
    """A page with a finished result and open decoding options."""
    choose(page, clip)
    page.wait_for_selector(DONE)
    open_accordion(page, texts.DECODING_OPTIONS)
    return page


def test_changed_decoder_decodes_again_without_upload_or_model(
    server: RunningServer, finished: Page
) -> None:
    def forward_passes() -> float:
        metrics = httpx.get(f"{server.url}/metrics").text
        return sum(map(float, re.findall(r'_stage_seconds_count\{.*"forward".*\} (\S+)', metrics)))

    before, passes = words(finished), forward_passes()
    waveform = finished.locator("#picture-waveform svg").inner_html()
    requests: list[str] = []
    finished.on("request", lambda request: requests.append(request.url))

    finished.get_by_role("radio", name="Greedy").check()
    finished.wait_for_selector(DECODED_AGAIN)

    assert words(finished) != before
    assert "greedy decoding" in (finished.locator(".w-answered").text_content() or "")
    assert (
        finished.locator("#words tbody tr").count() == finished.locator(f"{WORDS} .w-word").count()
    )
    finished.wait_for_function(
        "before => document.querySelector('#picture-waveform svg').innerHTML !== before",
        arg=waveform,
    )
    finished.wait_for_selector('#actions [data-name="transcript.txt"]:not([disabled])')
    assert not [url for url in requests if "/upload" in url]
    assert forward_passes() == passes
    assert finished.locator("#cancel").is_disabled()


@pytest.mark.slow
def test_slider_decodes_once_it_rests(finished: Page) -> None:
    decodings: list[Request] = []

    def note(request: Request) -> None:
        if "/queue/join" in request.url and len(request.post_data_json["data"]) == len(OPTIONS):
            decodings.append(request)

    finished.on("request", note)
    slider = finished.get_by_label("range slider for Language model weight")

    steps = round(DEFAULT_OPTIONS.lm_weight / OPTION["lm_weight"].step)
    slider.evaluate(
        """(slider, steps) => {
          for (let step = 0; step < steps; step++) {
            slider.stepDown();
            slider.dispatchEvent(new Event('input', {bubbles: true}));
          }
        }""",
        steps,
    )
    finished.wait_for_selector(DECODED_AGAIN)

    assert slider.input_value() == "0"
    assert len(decodings) == 1


@pytest.mark.slow
def test_hotword_is_favoured_until_the_reset(finished: Page) -> None:
    before = words(finished)
    finished.evaluate(COUNT_WORDLESS)
    changed = f"before => ({SPELLED})() !== before"
    finished.get_by_role("radio", name="Greedy").check()
    finished.wait_for_function(changed, arg=before)
    greedy = words(finished)
    strange = next(word for word in greedy.split() if word not in before.split())
    finished.get_by_role("radio", name="Automatic").check()
    finished.wait_for_function(changed, arg=greedy)

    finished.get_by_label("Hotwords").fill(f"{strange}, Lyke")
    finished.get_by_label("number input for Hotword boost").fill("20")
    finished.wait_for_function(changed, arg=before)
    assert strange in words(finished).split()

    finished.get_by_role("button", name="Reset to defaults").click()
    finished.wait_for_function(
        f"before => ({SPELLED})() === before",
        arg=before,
    )
    assert finished.get_by_label("Hotwords").input_value() == ""
    assert finished.evaluate("window.wordless") == 0


@pytest.mark.slow
def test_too_many_hotwords_keep_the_words_and_are_explained(finished: Page) -> None:
    before = words(finished)

    finished.get_by_label("Hotwords").fill(", ".join(f"name{number}" for number in range(1001)))
    finished.wait_for_selector(ERROR)

    assert "hotwords.too_many" in finished.locator(ERROR).inner_text()
    assert words(finished) == before


@pytest.mark.slow
def test_new_recording_is_decoded_with_the_options(page: Page, clip: Clip) -> None:
    open_accordion(page, texts.DECODING_OPTIONS)
    page.get_by_role("radio", name="Greedy").check()

    choose(page, clip)
    page.wait_for_selector(DONE)

    assert "greedy decoding" in (page.locator(".w-answered").text_content() or "")


@pytest.mark.slow
def test_same_clip_again_is_shown_from_the_cache(finished: Page, clip: Clip) -> None:
    choose(finished, clip)

    finished.wait_for_selector('#status:has-text("Same recording as before: shown from cache")')
    assert is_transcript(clip, words(finished))


# --- aligning a text ----------------------------------------------------------------------------

TILE = "#aligned .w-tile"


@pytest.mark.slow
def test_text_is_aligned_played_and_exported(finished: Page, clip: Clip, tmp_path: Path) -> None:
    text = f"{clip.text.capitalize()} — 日本!"
    open_accordion(finished, texts.ALIGNMENT)

    finished.get_by_label(texts.ALIGN_LABEL).fill(text)
    finished.get_by_role("button", name="Align", exact=True).click()
    finished.wait_for_selector(TILE)

    assert "without running the model" in finished.locator("#align-status").inner_text()
    assert finished.locator(TILE).count() == len(clip.text.split()) + 1
    assert finished.locator(f'{TILE}[data-level="wild"]').count() == 1
    assert "cannot be spelled" in finished.locator("#aligned").inner_text()
    finished.get_by_role("button", name=texts.SHOW_LETTERS).click()
    finished.locator(f"{TILE} [data-letter]").first.hover()
    assert re.search(r"\d %.*\d\.\d\d–", finished.locator(".w-tip").inner_text())
    finished.locator(TILE).nth(1).click()
    finished.wait_for_selector(f"{TILE}.w-now")
    with finished.expect_download() as download:
        finished.locator('#aligned [data-name="alignment.srt"]').click()
    download.value.save_as(tmp_path / "a.srt")
    lines = (tmp_path / "a.srt").read_text(encoding="utf-8").splitlines()
    spoken = [one for one in lines if one and not one.isdecimal() and "-->" not in one]
    assert " ".join(spoken) == text


@pytest.mark.slow
def test_transcript_can_be_inserted_as_the_text(finished: Page) -> None:
    open_accordion(finished, texts.ALIGNMENT)

    finished.get_by_role("button", name=texts.FILL_FROM_TRANSCRIPT).click()

    assert finished.get_by_label(texts.ALIGN_LABEL).input_value().lower() == words(finished)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "code"), [("", "align.empty_text"), ("far too much " * 500, "align.text_too_long")]
)
def test_text_that_cannot_be_aligned_is_explained(finished: Page, text: str, code: str) -> None:
    open_accordion(finished, texts.ALIGNMENT)

    finished.get_by_label(texts.ALIGN_LABEL).fill(text)
    finished.get_by_role("button", name="Align", exact=True).click()
    finished.wait_for_selector("#aligned .w-error")

    assert code in finished.locator("#aligned").inner_text()


# --- style --------------------------------------------------------------------------------------


def contrast(page: Page, selector: str) -> float:
    """Contrast of an element's text on the background behind it (WCAG 2.2, relative luminance)."""
    return float(
        page.locator(selector).first.evaluate(
            """element => {
              const sheet = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
              const paint = sheet.getContext('2d', {willReadFrequently: true});
              const light = colours => {
                paint.clearRect(0, 0, 1, 1);
                for (const colour of colours) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
                const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map(v => v / 255)
                  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const behind = [];
              for (let e = element; e; e = e.parentElement)
                behind.unshift(getComputedStyle(e).backgroundColor);
              const back = light(behind);
              const text = light([...behind, getComputedStyle(element).color]);
              return (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
            }"""
        )
    )


@pytest.mark.matrix
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.slow
def test_text_is_readable_in_light_and_dark(open_page: Open, clip: Clip, theme: str) -> None:
    page = open_page(f"?__theme={theme}")
    choose(page, clip)
    page.wait_for_selector(DONE)

    open_accordion(page, texts.DECODING_OPTIONS)
    open_accordion(page, texts.ALIGNMENT)

    for selector in (
        ".w-brand p", "#run", "#clips button", ".w-status-text", ".w-answered", ".w-note",
        "#words td", "#words thead th", ".w-bar-name", ".w-plain", ".w-facts", ".w-foot p",
        "#decoding .info-text", "#decoder label", "#reset", "#alignment .w-hint", "#align",
        *(f'{WORDS} [data-level="{level.name}"]' for level in LEVELS),
    ):  # fmt: skip
        if page.locator(selector).count():
            assert contrast(page, selector) >= 4.5, selector


@pytest.mark.slow
def test_dark_page_is_dark_and_a_light_one_light(open_page: Open) -> None:
    brightness = {
        theme: open_page(f"?__theme={theme}").evaluate(
            "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
            ".slice(0, 3).reduce((sum, v) => sum + Number(v), 0) / 765"
        )
        for theme in ("light", "dark")
    }

    assert brightness["dark"] < 0.2
    assert brightness["light"] > 0.8


@pytest.mark.matrix
@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.slow
def test_page_fits_its_width(open_page: Open, clip: Clip, width: int) -> None:
    page = open_page(width=width)
    choose(page, clip)
    page.wait_for_selector(DONE)
    open_accordion(page, texts.DECODING_OPTIONS)
    open_accordion(page, texts.ALIGNMENT)

    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_page_requests_only_from_its_own_server(
    server: RunningServer, browser: Browser, clip: Clip
) -> None:
    context = browser.new_context()
    page = context.new_page()
    requests: list[str] = []

    def note(request: Request) -> None:
        requests.append(request.url)

    page.on("request", note)
    page.goto(server.url)
    page.wait_for_selector("#run")
    choose(page, clip)
    page.wait_for_selector(DONE)

    own = (server.url, "data:", "blob:")
    assert [url for url in requests if not url.startswith(own)] == []
    context.close()


def test_api_description_opens(page: Page) -> None:
    page.get_by_role("button", name="Use it from a program").click()

    page.get_by_text("/transcribe").first.wait_for()
    assert "11 API endpoints" in page.locator("body").inner_text()


@pytest.mark.slow
def test_theme_is_remembered(open_page: Open) -> None:
    page = open_page()
    dark = "() => document.body.classList.contains('dark')"
    before = page.evaluate(dark)

    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    page.wait_for_selector("#run")

    page.wait_for_function(f"before => ({dark})() !== before", arg=before)


def test_browser_reports_no_script_error(open_page: Open, clip: Clip) -> None:
    page = open_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    choose(page, clip)
    page.wait_for_selector(DONE)

    assert errors == []

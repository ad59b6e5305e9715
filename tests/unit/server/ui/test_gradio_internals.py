"""The patches of Gradio's internals, applied with the tested version and disabled with any other.

The import hook is tested in processes of their own: Gradio is imported once in each.
"""

import logging
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from starlette.requests import Request

from wav2vec2_app.server.clients import CLIENT_IN_SCOPE
from wav2vec2_app.server.ui import gradio_internals as internals
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.gradio_internals import in_scope

PROJECT = Path(__file__).parents[4]

IMPORTS = """
import logging, sys
from importlib import metadata
{first}
import gradio as gr
import gradio.component_meta as meta
print(meta.create_or_modify_pyi.__module__)
print(len(sys.meta_path) - before, gr.Button("x").click is not None)
"""


@pytest.fixture
def other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "installed_version", lambda: "6.99.0")


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


# --- the version --------------------------------------------------------------------------------


def test_patches_are_tested_with_the_installed_version() -> None:
    assert internals.installed_version() == gr.__version__
    assert internals.is_tested()


def test_project_pins_the_minor_version_that_was_tested() -> None:
    (pinned,) = re.findall(r'"(gradio>[^"]*)"', (PROJECT / "pyproject.toml").read_text())
    major, minor = map(int, internals.TESTED.split("."))

    assert pinned == f"gradio>={major}.{minor},<{major}.{minor + 1}"
    requirements = (PROJECT / "requirements.txt").read_text()
    assert f"\ngradio=={internals.TESTED}." in requirements


# --- stub files ---------------------------------------------------------------------------------


def imported(first: str) -> tuple[list[str], str]:
    code = IMPORTS.format(first=f"before = len(sys.meta_path)\n{first}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:2], done.stderr


@pytest.mark.slow
def test_gradio_imported_before_is_not_changed() -> None:
    out, _ = imported("import gradio, wav2vec2_app.server.ui")

    assert out == ["gradio.component_meta", "0 True"]


def test_page_imports_gradio_without_its_stub_files_and_a_second_call_adds_no_finder() -> None:
    out, _ = imported(
        "from wav2vec2_app.server.ui import gradio_internals\ngradio_internals.skip_stub_files()"
    )

    assert out == ["wav2vec2_app.server.ui.gradio_internals", "0 True"]


@pytest.mark.slow
def test_stub_files_are_written_with_an_untested_version() -> None:
    out, err = imported("metadata.version = lambda _: '6.99.0'\nimport wav2vec2_app.server.ui")

    assert out == ["gradio.component_meta", "0 True"]
    assert "Gradio 6.99.0: the import without stub files is disabled" in err


# --- the poll of the queue ----------------------------------------------------------------------


async def test_idle_queue_polls_less_often() -> None:
    page = gr.Blocks()

    internals.slow_down_queue_poll(page)

    assert page._queue.sleep_when_free == internals.QUEUE_POLL_S


@pytest.mark.usefixtures("other_version")
async def test_queue_of_an_untested_version_is_not_changed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = gr.Blocks()
    before = page._queue.sleep_when_free

    internals.slow_down_queue_poll(page)

    assert page._queue.sleep_when_free == before
    assert logged(caplog) == [
        (
            logging.WARNING,
            "Gradio 6.99.0: the slower poll of the queue is disabled (tested with "
            f"{internals.TESTED})",
        )
    ]


# --- protection ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("other_version")
async def test_client_paths_are_checked_with_every_version(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = gr.Blocks()

    internals.check_client_paths(page)

    assert page.has_launched
    assert logged(caplog) == []


async def test_protection_that_is_not_possible_is_logged_as_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    internals.check_client_paths(SimpleNamespace())

    ((level, message),) = logged(caplog)
    assert level == logging.ERROR
    assert "check of paths that clients send" in message


@pytest.mark.parametrize("url", ["http://192.0.2.1/a.wav", "HTTPS://192.0.2.1/a.wav"])
async def test_addresses_are_rejected(url: str) -> None:
    audio = internals.accept_uploads_only(gr.Audio(type="filepath"))

    with pytest.raises(gr.Error, match=texts.ADDRESS_REJECTED):
        await audio.async_move_resource_to_block_cache(url)


async def test_uploaded_files_are_accepted(tmp_path: Path) -> None:
    audio = internals.accept_uploads_only(gr.Audio(type="filepath"))
    path = Path(audio.GRADIO_CACHE) / "a.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF")

    assert await audio.async_move_resource_to_block_cache(str(path)) == str(path)


# --- endpoints ----------------------------------------------------------------------------------


def page_with_endpoint() -> tuple[gr.Blocks, object]:
    with gr.Blocks() as page:
        first, second = gr.Textbox("a"), gr.Textbox("b")
        gr.Button().click(lambda *values: None, inputs=[first, second], api_name="known")
    return page, next(iter(page.fns.values()))


async def test_calls_with_too_few_values_get_the_defaults() -> None:
    page, endpoint = page_with_endpoint()
    internals.fill_in_defaults(page, {"known"})
    inputs: list[object] = ["mine"]

    page.validate_inputs(endpoint, inputs)

    assert inputs == ["mine", "b"]


async def test_other_events_get_no_defaults() -> None:
    page, endpoint = page_with_endpoint()
    internals.fill_in_defaults(page, {"another"})

    with pytest.raises(ValueError, match="enough input values"):
        page.validate_inputs(endpoint, ["mine"])


@pytest.mark.usefixtures("other_version")
async def test_calls_to_an_untested_version_get_no_defaults() -> None:
    page, endpoint = page_with_endpoint()
    internals.fill_in_defaults(page, {"known"})

    with pytest.raises(ValueError, match="enough input values"):
        page.validate_inputs(endpoint, ["mine"])


async def test_parameter_accepts_every_value_and_has_its_type() -> None:
    number = internals.any_value_input(3, {"type": "integer"}, "beam_width")

    assert number.preprocess("many") == "many"
    assert number.api_info() == {"type": "integer"}
    assert number.value == 3


@pytest.mark.usefixtures("other_version")
async def test_parameter_of_an_untested_version_accepts_every_value() -> None:
    number = internals.any_value_input(3, {"type": "integer"}, "beam_width")

    assert isinstance(number, gr.JSON)
    assert number.preprocess("many") == "many"
    assert number.value == 3


# --- the client of a request --------------------------------------------------------------------


def test_client_of_a_request_is_the_one_that_the_access_check_found() -> None:
    scope = {"type": "http", "headers": [], CLIENT_IN_SCOPE: "address:10.0.0.1"}

    assert in_scope(gr.Request(Request(scope)), CLIENT_IN_SCOPE) == "address:10.0.0.1"
    assert in_scope(gr.Request(session_hash="tab"), CLIENT_IN_SCOPE) == ""


# --- the environment ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"GRADIO_SERVER_PORT": ""}, {}),
        ({"GRADIO_SERVER_PORT": " ", "GRADIO_SERVER_NAME": "host"}, {"GRADIO_SERVER_NAME": "host"}),
        ({"GRADIO_SERVER_PORT": "http"}, {}),
        ({"GRADIO_SERVER_PORT": "80", "PATH": ""}, {"GRADIO_SERVER_PORT": "80", "PATH": ""}),
    ],
)
def test_variables_that_would_end_the_start_are_ignored(
    before: dict[str, str], after: dict[str, str]
) -> None:
    internals.ignore_unusable_variables(before)

    assert before == after


@pytest.mark.parametrize("named", [True, False])
def test_each_server_has_an_upload_folder_which_it_deletes(tmp_path: Path, named: bool) -> None:
    before = {"GRADIO_TEMP_DIR": str(tmp_path / "named")} if named else {}
    environment = dict(before)
    with internals.own_upload_folder(environment) as ours:
        other = dict(before)
        with internals.own_upload_folder(other) as theirs:
            (ours / "upload").mkdir()
            (ours / "upload" / "clip.flac").touch()
            assert environment["GRADIO_TEMP_DIR"] == str(ours) != str(theirs)
            assert ours.stat().st_mode & 0o077 == 0, "others on the machine can read uploads"
        assert (ours / "upload" / "clip.flac").exists()
        assert named == ours.is_relative_to(tmp_path / "named")
    assert environment == before
    assert not ours.exists()


async def test_api_page_calls_endpoints_with_a_file_of_ours() -> None:
    audio = gr.Audio(type="filepath")

    internals.show_own_sample(audio, "coffee.flac")

    assert audio.example_payload()["path"] == "coffee.flac"
    assert "http" not in str([audio.example_payload(), audio.example_value()])


def test_clients_see_the_choices_and_ranges_of_parameters() -> None:
    shown = internals.any_value_input(1, {"type": "number", "description": "From 1 to 5."}, "x")

    assert shown.api_info()["additional_description"] == "From 1 to 5."

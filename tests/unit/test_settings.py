import ast
import inspect
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from wav2vec2_app import settings as settings_module
from wav2vec2_app.environment import warn_of_unknown_variables
from wav2vec2_app.server import serve
from wav2vec2_app.settings import ALL_ADDRESSES, Settings


def test_every_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAV2VEC2_MAX_DURATION_S", "12.5")
    monkeypatch.setenv("WAV2VEC2_ALLOWED_MODELS", '["a/b"]')

    settings = Settings()

    assert settings.max_duration_s == 12.5
    assert settings.allowed_models == ("a/b",)


def test_server_listens_on_all_addresses_on_spaces_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert Settings().host == "127.0.0.1"

    monkeypatch.setenv("SPACE_ID", "user/space")
    assert Settings().host == ALL_ADDRESSES


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_duration_s": 0},
        {"queue_size": 0},
        {"log_level": "LOUD"},
        {"unknown": 1},
        {"window_s": 10, "window_overlap_s": 6},
    ],
)
def test_wrong_settings_are_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_settings_do_not_change_once_built() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_every_setting_is_documented_under_its_field() -> None:
    tree = ast.parse(inspect.getsource(settings_module))
    [cls] = [node for node in tree.body if isinstance(node, ast.ClassDef)]

    undocumented = [
        ast.unparse(field.target)
        for field, after in pairwise(cls.body)
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]

    assert undocumented == []


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("WAV2VEC2_QUEUE_SIZ", "WAV2VEC2_QUEUE_SIZE"),
        ("WAV2VEC2_PROT", "WAV2VEC2_PORT"),
        ("WAV2VEC2_MAXBYTES", "WAV2VEC2_MAX_BYTES"),
        ("wav2vec2_hots", "WAV2VEC2_HOST"),
        ("WAV2VEC_PORT", "WAV2VEC2_PORT"),
        ("WAV2VEC2PORT", "WAV2VEC2_PORT"),
        ("WAV2VEC2_XYZZY_FROBNICATE_QUUX", ""),
    ],
)
def test_mistyped_variable_is_named_with_the_nearest_setting(
    name: str, nearest: str, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_unknown_variables({name: "1", "WAV2VEC2_PORT": "1", "PATH": "/bin"})

    [message] = caplog.messages
    assert name in message
    assert nearest in message


def test_known_variables_are_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unknown_variables(
        {f"WAV2VEC2_{name}".upper(): "" for name in Settings.model_fields} | {"wav2vec2_port": ""}
    )

    assert not caplog.messages


@pytest.mark.parametrize(
    ("variables", "host", "port", "root_path"),
    [
        ({}, "127.0.0.1", 7860, ""),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, "0.0.0.0", 7860, ""),  # noqa: S104 - what users set
        (
            {"GRADIO_SERVER_PORT": "9000", "GRADIO_ROOT_PATH": "/speech"},
            "127.0.0.1",
            9000,
            "/speech",
        ),
        ({"GRADIO_SERVER_NAME": " ", "GRADIO_SERVER_PORT": ""}, "127.0.0.1", 7860, ""),
        ({"GRADIO_SERVER_PORT": "http"}, "127.0.0.1", 7860, ""),
        ({"GRADIO_SERVER_PORT": "70000"}, "127.0.0.1", 7860, ""),
        ({"GRADIO_SERVER_PORT": "9000", "WAV2VEC2_PORT": "9001"}, "127.0.0.1", 9001, ""),
        ({"GRADIO_ROOT_PATH": "/a", "WAV2VEC2_ROOT_PATH": "/b"}, "127.0.0.1", 7860, "/b"),
    ],
)
def test_variables_of_gradio_are_used_unless_ours_are_set(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    host: str,
    port: int,
    root_path: str,
) -> None:
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_ROOT_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert (settings.host, settings.port, settings.root_path) == (host, port, root_path)


@pytest.mark.parametrize(
    "address", ["", "https://gama.example.org/", "http://127.0.0.1:7860/gama", "sonal/GAMA-demo.v1"]
)
def test_address_of_the_description_server_is_a_url_or_a_space(address: str) -> None:
    assert Settings(gama_url=f" {address} ").gama_url == address


@pytest.mark.parametrize(
    "address", ["gama", "ftp://x", "a/b/c", "https://", "file:///etc", "a b/c"]
)
def test_other_addresses_of_a_description_server_are_rejected(address: str) -> None:
    with pytest.raises(ValidationError, match="gama_url"):
        Settings(gama_url=address)


@pytest.mark.parametrize("text", ["one, two", '["one", "two"]', " one,two, "])
def test_lists_are_texts_with_commas_or_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("WAV2VEC2_API_KEYS", text)
    monkeypatch.setenv("WAV2VEC2_MODEL_FOLDERS", text)

    settings = Settings()

    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert settings.model_folders == (Path("one"), Path("two"))


@pytest.mark.parametrize(
    ("variable", "text", "named"),
    [
        ("WAV2VEC2_PORT", "x", "WAV2VEC2_PORT: "),
        ("WAV2VEC2_API_KEYS", '["x', "WAV2VEC2_API_KEYS: the text is not valid JSON"),
        ("WAV2VEC2_ADAPTER_CONCURRENCY", "x", "WAV2VEC2_ADAPTER_CONCURRENCY: "),
        ("WAV2VEC2_WINDOW_OVERLAP_S", "500", "Settings: window_overlap_s"),
    ],
)
def test_server_ends_with_a_line_for_a_variable_that_it_cannot_use(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    text: str,
    named: str,
) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(SystemExit, match="2"):
        serve.main()

    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(named)

"""Numbers of replicas, what they know, and where Ray is missing."""

from __future__ import annotations

import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from wav2vec2_app.cli import app
from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.server.bridge.remote import RemoteBackend
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.deployment import (
    DEPLOYED_ROLES,
    MODEL_ROLES,
    Replicas,
    make_replica,
    settings_of_replicas,
)
from wav2vec2_app.settings import Settings


@settings(deadline=None)
@given(low=st.integers(0, 99_999), more=st.integers(0, 99_999))
def test_number_of_replicas_is_one_number_or_two(low: int, more: int) -> None:
    high = min(low + more, 99_999)

    assert Replicas.parse(f" {low} ") == Replicas(low, low)
    assert Replicas.parse(f"{low}:{high}") == Replicas(low, high)


@pytest.mark.parametrize(
    "text",
    ["", "two", "-1", "1.5", "4:2", "1:2:3", ":3", "3:", "1-3", "1e3", "999999", "٣ ", "1\n2"],
)
def test_other_numbers_are_an_error_with_a_hint(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Replicas.parse(text)

    assert caught.value.code == "deployment.bad_count"
    assert caught.value.hint


@pytest.mark.parametrize("address", ["auto", "head:6379", "10.0.0.1:1", "ray.example.org:65535"])
def test_address_of_a_cluster(address: str) -> None:
    assert Settings(ray_address=address).ray_address == address


@pytest.mark.parametrize(
    "address",
    ["", "head", "ray://head:10001", "head:", ":6379", "head:port", "a b:1", "head:1234567"],
)
def test_other_addresses_are_rejected(address: str) -> None:
    with pytest.raises(ValidationError):
        Settings(ray_address=address)


def test_unknown_backend_is_rejected() -> None:
    with pytest.raises(ValidationError):
        Settings(backend="kubernetes")  # type: ignore[arg-type]


@pytest.mark.parametrize(("cpus", "threads"), [(0.1, 1), (1.0, 1), (1.6, 2), (8.0, 8)])
def test_replicas_get_the_settings_without_secrets(cpus: float, threads: int) -> None:
    given = Settings(backend="ray", api_keys=("a very secret key",), inference_workers=4)  # type: ignore[arg-type]

    theirs = settings_of_replicas(given, cpus)

    assert theirs.backend == "local"
    assert theirs.inference_workers == 1
    assert theirs.threads == threads
    assert b"very secret" not in pickle.dumps(theirs)
    assert settings_of_replicas(Settings(threads=3), cpus).threads == 3


@pytest.mark.parametrize("role", DEPLOYED_ROLES)
def test_replica_has_one_worker_of_its_role_and_downloads_where_there_are_models(role: str) -> None:
    replica = make_replica(Settings(fetch_models=False, whisper_models=("org/whisper",)), role)

    assert replica._main.role == role
    assert set(replica._others) == ({"download"} if role in MODEL_ROLES else set())


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is not installed."""
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "wav2vec2_app.server.bridge.ray_serve", raising=False)


@pytest.mark.usefixtures("no_ray")
def test_backend_without_ray_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(ResourceError) as caught:
        build_system(Settings(backend="ray"))

    assert caught.value.code == "backend.ray_missing"
    assert "wav2vec2-app[ray]" in caught.value.hint
    assert not caught.value.retryable


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize("command", ["deploy", "status", "remove"])
def test_commands_without_ray_say_what_to_install(command: str) -> None:
    result = CliRunner().invoke(app, ["ray", command])

    assert result.exit_code == 2
    assert "wav2vec2-app[ray]" in result.output


def test_command_with_a_bad_number_changes_nothing() -> None:
    result = CliRunner().invoke(app, ["ray", "deploy", "--inference", "many"])

    assert result.exit_code == 2
    assert "deployment.bad_count" in result.output


def test_local_backend_uses_no_replicas() -> None:
    system = build_system(Settings(fetch_models=False))

    assert not isinstance(system.service._workers.inference, RemoteBackend)

"""A GAMA demo on another server: which protocol it has, its answers, and its failures as typed errors.

GAMA (Ghosh et al., EMNLP 2024, https://arxiv.org/abs/2406.11768) answers questions about sounds. Its demo is
``predict(audio file, question) -> (audio_info, answer)``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from wav2vec2_app.errors import (
    BusyError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
)
from wav2vec2_app.server.service.gradio_calls import (
    body_of,
    gradio3_request,
    predict_with_gradio_client,
    timeout,
)

log = logging.getLogger(__name__)

SPACE_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
HUB_URL: Final = "https://huggingface.co"
MAX_ANSWER_CHARACTERS: Final = 20_000
WAIT_S: Final = 5.0
"""When to try again after the server said that it is busy, seconds."""
_CLOSED_STAGES: Final = frozenset(
    {"PAUSED", "STOPPED", "DELETING", "NO_APP_FILE", "CONFIG_ERROR", "BUILD_ERROR", "RUNTIME_ERROR"}
)


class GamaDemo:
    """The demo at one address.

    Args:
        address: its URL, or the name of its Space (``user/space``).
        hub_url: where Spaces are looked up; by default the hub of ``HF_ENDPOINT``.
    """

    def __init__(self, address: str, *, hub_url: str = "") -> None:
        self._address = address.strip()
        self._hub_url = (hub_url or os.environ.get("HF_ENDPOINT") or HUB_URL).rstrip("/")
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def ask(self, wav: bytes, question: str, limit_s: float) -> tuple[str, str]:
        """What the demo says about the audio, and its answer.

        Args:
            wav: the audio, a WAV file.
            question: what to ask.
            limit_s: time limit of each request to the server, seconds.

        Raises:
            Wav2Vec2Error: ``describe.*``.
        """
        try:
            url = await self._url(limit_s)
            config = _config_of(await self._get(f"{url}/config", limit_s))
            protocol = str(config.get("protocol") or "ws")
            if protocol.startswith("sse"):
                each_s = None if protocol == "sse" else limit_s
                answer = await predict_with_gradio_client(url, wav, question, each_s, failure_of)
            else:
                answer = await self._ask_gradio3(url, wav, question, limit_s)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise failure_of(error) from error
        return _two_texts(answer)

    async def _ask_gradio3(self, url: str, wav: bytes, question: str, limit_s: float) -> object:
        sent = gradio3_request(wav, question)
        body = json.loads(await self._send("POST", f"{url}/run/predict", limit_s, sent))
        if not isinstance(body, dict):
            raise _bad_answer()
        if body.get("error"):
            raise _server_failed()
        return body.get("data")

    async def _url(self, limit_s: float) -> str:
        """The address of the demo; that of a Space is asked of the hub."""
        if not SPACE_NAME.fullmatch(self._address):
            return self._address.rstrip("/")
        found = json.loads(
            await self._get(f"{self._hub_url}/api/spaces/{quote(self._address)}", limit_s)
        )
        runtime = found.get("runtime") if isinstance(found, dict) else None
        if isinstance(runtime, dict) and str(runtime.get("stage")) in _CLOSED_STAGES:
            raise _closed()
        host = found.get("host") if isinstance(found, dict) else None
        if not isinstance(host, str) or not host.startswith(("http://", "https://")):
            raise _closed()
        return host.rstrip("/")

    async def _get(self, url: str, limit_s: float) -> bytes:
        return await self._send("GET", url, limit_s, None)

    async def _send(
        self, method: str, url: str, limit_s: float, sent: Mapping[str, object] | None
    ) -> bytes:
        """The body of a successful response."""
        if self._client is None:  # in a thread: it loads the certificates
            self._client = await asyncio.to_thread(httpx.AsyncClient, follow_redirects=True)
        request = self._client.stream(method, url, json=sent, timeout=timeout(limit_s))
        async with request as response:
            body = await body_of(response)
            if response.status_code in (401, 403) and b"queue" in body:
                raise _unsupported("It is an old Gradio that answers through its queue only.")
            response.raise_for_status()
            return body


def _config_of(body: bytes) -> Mapping[str, Any]:
    """The configuration of a Gradio server.

    Raises:
        ModelError: ``describe.unsupported``.
    """
    try:
        config = json.loads(body)
    except ValueError:
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("dependencies"), list):
        raise _unsupported("It is not a Gradio application.")
    names = [one.get("api_name") for one in config["dependencies"] if isinstance(one, dict)]
    if "predict" not in (str(name).lstrip("/") for name in names):
        raise _unsupported("It has no endpoint `/predict`.")
    return config


def _two_texts(answer: object) -> tuple[str, str]:
    """The answer, if it is exactly two texts."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise _bad_answer()
    info, text = answer
    if not isinstance(info, str) or not isinstance(text, str):
        raise _bad_answer()
    if max(len(info), len(text)) > MAX_ANSWER_CHARACTERS:
        raise _bad_answer()
    return info.strip(), text.strip()


# --- failures -----------------------------------------------------------------------------------


def failure_of(error: BaseException) -> Wav2Vec2Error:
    """The typed error for what a call of the demo raised."""
    if isinstance(error, Wav2Vec2Error):
        return error
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL):
        return _unreachable()
    if isinstance(error, httpx.UnsupportedProtocol):
        return _unreachable()
    if isinstance(error, httpx.TimeoutException):
        return too_slow()
    if isinstance(error, httpx.HTTPStatusError):
        return _failure_of_status(error.response.status_code)
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects):
        return _bad_answer()
    if isinstance(error, httpx.TransportError | concurrent.futures.CancelledError):
        return _disconnected()
    return _failure_in_client(error)


def _failure_in_client(error: BaseException) -> Wav2Vec2Error:
    """What gradio_client's own exceptions mean; it is imported if one has been raised."""
    kinds = {one.__name__ for one in type(error).__mro__}
    if "QueueError" in kinds or "TooManyRequestsError" in kinds:
        return _busy()
    if "AuthenticationError" in kinds:
        return _closed()
    if "AppError" in kinds:
        return _server_failed()
    log.warning("the description server's answer cannot be used: %s", type(error).__name__)
    return _bad_answer()


def _failure_of_status(status: int) -> Wav2Vec2Error:
    if status == 429:
        return _busy()
    if status in (401, 402, 403, 404, 410):
        return _closed()
    return _server_failed() if status >= 500 else _bad_answer()


def _unreachable() -> ResourceError:
    return ResourceError(
        "The server that describes sounds cannot be reached.",
        code="describe.unreachable",
        hint="Try again later, or ask the operator whether it is running.",
    )


def _disconnected() -> ResourceError:
    return ResourceError(
        "The server that describes sounds closed the connection before its answer was complete.",
        code="describe.disconnected",
        hint="Try again in a moment.",
    )


def too_slow() -> TimedOutError:
    """The error that there was no answer in time."""
    return TimedOutError(
        "The server that describes sounds did not answer in time.",
        code="describe.timeout",
        hint="It may be busy or starting; try again in a minute.",
    )


def _server_failed() -> ResourceError:
    return ResourceError(
        "The server that describes sounds reported an error.",
        code="describe.server_failed",
        hint="Try again, or ask another question.",
    )


def _busy() -> BusyError:
    return BusyError(
        "The server that describes sounds is busy.",
        code="describe.busy",
        hint=f"Try again in {WAIT_S:.0f} s.",
        metadata={"retry_after_s": WAIT_S},
    )


def _bad_answer() -> ResourceError:
    return ResourceError(
        "The server that describes sounds gave an answer of another form than GAMA's.",
        code="describe.bad_answer",
        hint="Ask the operator which server is configured: its answer must be two texts.",
        layer="execution",
        retryable=False,
    )


def _closed() -> ModelError:
    return ModelError(
        "The server that describes sounds is closed: it is paused or private, or does not exist.",
        code="describe.closed",
        hint="Ask the operator to check the configured address.",
    )


def _unsupported(what: str) -> ModelError:
    return ModelError(
        f"The server that describes sounds is not supported. {what}",
        code="describe.unsupported",
        hint="Ask the operator to configure a GAMA demo of Gradio 4 or later.",
    )

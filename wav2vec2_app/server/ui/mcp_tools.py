"""The named endpoints as tools of the Model Context Protocol (MCP), at ``/gradio_api/mcp``.

Gradio lists the tools and speaks the protocol. Its calls would go through a connection of the server to
itself, so that all clients were one; here the endpoint is called in the client's name. Depends on Gradio's
internals, as :mod:`wav2vec2_app.server.ui.gradio_internals` does.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
import gradio as gr
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from wav2vec2_app.errors import BusyError, InputError, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.clients import CLIENT_IN_SCOPE, HISTORY_IN_SCOPE, answering, storing
from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.ui.mcp_files import MAX_OVERHEAD, tool_file
from wav2vec2_app.server.ui.mcp_import import load_mcp

if TYPE_CHECKING:
    from gradio.block_function import BlockFunction
    from starlette.requests import Request

FILES: Final[Mapping[str, str]] = {
    "audio": "The recording",
    "query": "A recorded word to search for",
}
"""Parameters that are files, and what they are."""
_AUDIO_HELP: Final = (
    "{what}, in nearly any format: a data URL or base64 of the file, at most {limit_mb:.0f} MB, or"
    " the path that a POST of the file to /gradio_api/upload returned."
)
_TRANSCRIPTION: Final = (
    "text, words (text; start and end in seconds from the beginning; confidence, 0 to 1), duration_s in"
    " seconds, model, and request_id for further calls"
)
SESSION_HEADER: Final = "mcp-session-id"
MAX_PROGRAMS: Final = 200
"""Sessions of programs that are open at the same time."""
SESSION_IDLE_S: Final = 1800.0
"""Time after which a session without requests is closed, seconds."""
RETRY_AFTER_S: Final = 60.0
RETURNS: Final[Mapping[str, str]] = {
    "transcribe": _TRANSCRIPTION,
    "analyze": f"{_TRANSCRIPTION}; features and contours (times_s in seconds, f0_hz in Hz, energy_db in"
    " dB), acoustics (each measure with its unit), pictures (SVG)",
    "decode": _TRANSCRIPTION,
    "align": "words and their characters, each with start and end in seconds and a score, 0 to 1",
    "capabilities": "models, options with their bounds, limits (seconds, bytes), average latency",
    "status": "the queue, the workers, the models, and the memory in bytes",
    "compare": "the transcript of each variant with its cost in seconds, and one text of all",
    "explore": "samples, spectrogram and characters of a part, with their times in seconds",
    "explain": "characters of a word with probabilities and times (s); how other words fit there",
    "layers": "the characters of each layer of the model in a part, and which moments are alike",
    "find": "hits, the best first, each with start and end in seconds and a score, 0 to 1",
    "describe": f"{_TRANSCRIPTION}; and the answer to the question",
}
"""What each tool returns, as JSON."""


Parameter = Mapping[str, Any]
"""A parameter of an endpoint, as Gradio describes it."""
JsonSchema = dict[str, object]


class SessionManager(Protocol):
    """The manager of ``mcp``, as far as it is used here."""

    @property
    def _server_instances(self) -> Mapping[str, object]:
        """The open sessions."""


class ToolCalls(Protocol):
    """Gradio's server of tools, as far as calls use it."""

    blocks: gr.Blocks
    tool_to_endpoint: dict[str, str]
    api_info: dict[str, Any]

    def get_block_fn_from_endpoint_name(self, endpoint_name: str) -> BlockFunction | None:
        """The endpoint of this name."""


def mount_tools(page: gr.Blocks, max_bytes: int) -> dict[str, Any]:
    """Add the tools to a page that is about to be mounted; the keyword arguments of its application."""
    tools = _tool_server(page, max_bytes)
    logging.getLogger("mcp.server.streamable_http").addFilter(_is_not_closed)
    page.mcp_server_obj, page.mcp_server = tools, True
    page.config = page.get_config_file()  # the page on the API shows how to connect

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with tools.lifespan(app):
            yield

    return {"lifespan": lifespan}


def _is_not_closed(record: logging.LogRecord) -> bool:
    """Leave out the traceback of each program that has closed its connection."""
    return not (record.exc_info and isinstance(record.exc_info[1], anyio.ClosedResourceError))


def bounded_sessions(app: ASGIApp, manager: SessionManager) -> ASGIApp:
    """``app``, which opens no session while :data:`MAX_PROGRAMS` are open."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        opens = SESSION_HEADER.encode() not in dict(scope.get("headers", []))
        if scope.get("method") == "POST" and opens and _sessions(manager) >= MAX_PROGRAMS:
            failure = BusyError(
                "Too many programs use the tools.",
                code="mcp.busy",
                hint="Try again later.",
                metadata={"retry_after_s": RETRY_AFTER_S},
            )
            body = schema.error(failure).json_dict()
            headers = {"Retry-After": f"{RETRY_AFTER_S:.0f}"}
            await JSONResponse(body, status_code=429, headers=headers)(scope, receive, send)
            return
        await app(scope, receive, send)

    return handle


def _sessions(manager: SessionManager) -> int:
    return len(manager._server_instances)


def bounded(app: ASGIApp, limit: int) -> ASGIApp:
    """``app``, which rejects requests whose body has more than ``limit`` bytes or does not say how many."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", []))
        length = headers.get(b"content-length", b"0").decode("latin-1")
        chunked = b"transfer-encoding" in headers
        if not chunked and length.isdigit() and int(length) <= limit:
            await app(scope, receive, send)
            return
        failure = InputError(
            "The request is too large, or does not say how large it is.",
            code="audio.too_large",
            hint="Upload the file to /gradio_api/upload, and send the path that this returns.",
            metadata={"limit_bytes": limit},
        )
        body = schema.error(failure).json_dict()
        await JSONResponse(body, status_code=413)(scope, receive, send)

    return handle


def _tool_server(page: gr.Blocks, max_bytes: int) -> Any:
    """Gradio's server of tools with our calls, our descriptions, and one transport (streamable HTTP)."""
    base = load_mcp()

    class ToolServer(base):  # type: ignore[misc, valid-type] # of Gradio, which has no types
        def create_mcp_server(self) -> Any:
            server = super().create_mcp_server()

            @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
            async def call_tool(name: str, arguments: dict[str, object]) -> Any:
                request = server.request_context.request
                answer = await _answer(self, name, arguments, request, max_bytes)
                text = self.types.TextContent(type="text", text=json.dumps(answer))
                return self.types.CallToolResult(
                    content=[text], structuredContent=answer, isError=_failed(answer)
                )

            return server

        def launch_mcp_on_sse(self, app: Starlette, subpath: str, root_path: str) -> None:
            self.root_path = root_path
            transport = bounded(self.handle_streamable_http, MAX_OVERHEAD + 4 * max_bytes // 3)
            self.manager.stateless = False  # a result is for the session that made it
            self.manager.session_idle_timeout = SESSION_IDLE_S
            transport = bounded_sessions(transport, self.manager)
            routes = [Route("/schema", self.get_complete_schema), Mount("/", app=transport)]
            app.mount(subpath, Starlette(routes=routes))

        def get_fn_description(
            self, block_fn: BlockFunction, tool_name: str
        ) -> tuple[str, dict[str, str]]:
            returns = RETURNS.get(str(block_fn.api_name), "")
            summary = str(getattr(block_fn.fn, "__doc__", "") or "").strip()
            return f"{summary} Returns JSON: {returns or 'see docs/api.md'}.", {}

        def get_input_schema(
            self, tool_name: str, parameters: dict[str, str] | None = None
        ) -> tuple[dict[str, Any], list[list[str | int]]]:
            endpoint = _parameters(self, tool_name)
            fields = {one["parameter_name"]: _field(one, max_bytes) for one in endpoint}
            found: dict[str, Any] = {"type": "object", "properties": fields}
            return found, []

    return ToolServer(page)


async def _answer(
    tools: ToolCalls, name: str, arguments: Mapping[str, object], request: Request, max_bytes: int
) -> JsonObject:
    try:
        parameters = _parameters(tools, name)
        _check_names(arguments, [one["parameter_name"] for one in parameters])
        with contextlib.ExitStack() as stack:
            files = {
                name: stack.enter_context(tool_file(arguments.get(name), max_bytes))
                for name in FILES
            }
            given = {**arguments, **files}
            return await _call(tools, name, _values(parameters, given), request)
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error)).json_dict()


async def _call(tools: ToolCalls, name: str, values: list[object], request: Request) -> JsonObject:
    """Call the endpoint as a request of the client: its limits hold, its results are its own."""
    from gradio.state_holder import SessionState

    scope = request.scope
    function = tools.get_block_fn_from_endpoint_name(tools.tool_to_endpoint[name])
    client, history = scope.get(CLIENT_IN_SCOPE, ""), scope.get(HISTORY_IN_SCOPE, "")
    with answering(client), storing(history):
        result = await tools.blocks.process_api(
            block_fn=function,
            inputs=values,
            state=SessionState(tools.blocks),
            request=gr.Request(request, session_hash=_session(request)),
        )
    data = result["data"][0]
    answer: JsonObject = data.model_dump() if isinstance(data, BaseModel) else data
    return answer


def _session(request: Request) -> str:
    """The session of the protocol, whose id the server has chosen."""
    found = request.headers.get(SESSION_HEADER, "")
    return f"mcp-{found}" if found else ""


def _parameters(tools: ToolCalls, name: str) -> list[Parameter]:
    endpoint = tools.tool_to_endpoint.get(name)
    if endpoint is None:
        raise InputError(
            "There is no such tool.",
            code="request.bad_value",
            hint=f"Use one of {', '.join(tools.tool_to_endpoint)}.",
        )
    found: list[Parameter] = tools.api_info["named_endpoints"][endpoint]["parameters"]
    return found


def _failed(answer: JsonObject) -> bool:
    return isinstance(answer.get("error"), dict)


def _field(parameter: Parameter, max_bytes: int) -> JsonSchema:
    """The JSON schema of one parameter of a tool."""
    what = FILES.get(parameter["parameter_name"])
    if what:
        about = _AUDIO_HELP.format(what=what, limit_mb=max_bytes / 2**20)
        return {"type": "string", "description": about}
    given: JsonSchema = {
        name: parameter["type"][name] for name in ("type",) if name in parameter["type"]
    }
    about = parameter["type"].get("description") or parameter["type"].get("additional_description")
    default = parameter.get("parameter_default")
    return {**given, **({"description": about} if about else {}), "default": default}


def _values(parameters: list[Parameter], given: Mapping[str, object]) -> list[object]:
    """The values of all parameters, in their order."""
    return [
        given.get(one["parameter_name"], one.get("parameter_default"))
        for one in parameters
    ]  # fmt: skip


def _check_names(arguments: Mapping[str, object], names: list[str]) -> None:
    unknown = sorted(arguments.keys() - set(names))
    if unknown:
        raise InputError(
            f"The tool has no parameter {unknown[0][:40]!r}.",
            code="request.bad_value",
            hint=f"Its parameters are {', '.join(names) or 'none'}.",
        )

import httpx
import pytest

from tests.unit.server.api.test_routes import client  # noqa: F401

URL = "/v1/audio/searches"


@pytest.mark.parametrize(
    ("files", "data", "code"),
    [
        ({"query": b"x"}, {"word": "cat"}, "audio.missing"),
        ({"file": b"x"}, {}, "find.no_query"),
        ({"file": b"x"}, {"start": "2", "end": "2"}, "find.bad_stretch"),
        ({"file": b"x"}, {"word": "cat", "limit": "0"}, "request.bad_value"),
        ({"file": b"x"}, {"word": "cat", "history": "perhaps"}, "request.bad_value"),
        ({"file": b"x"}, {"word": "cat", "history": "true"}, "history.off"),
    ],
)
async def test_unusable_search_is_rejected_with_a_hint(
    client: httpx.AsyncClient,  # noqa: F811
    files: dict[str, bytes],
    data: dict[str, str],
    code: str,
) -> None:
    answer = await client.post(URL, files=files, data=data)

    assert answer.status_code == (404 if code == "history.off" else 400)
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["hint"]

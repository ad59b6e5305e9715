"""Every request of the modules beside this one, by the name of its operation."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from wav2vec2_app import protocol
from wav2vec2_app.protocol.message import AnyRequest, Request

Requests = Mapping[str, type[AnyRequest]]


def _requests() -> Iterator[type[AnyRequest]]:
    for found in pkgutil.iter_modules(protocol.__path__):
        if f"{protocol.__name__}.{found.name}" == __name__:
            continue
        module = importlib.import_module(f"{protocol.__name__}.{found.name}")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Request) and value is not Request:
                yield value


REQUESTS: Requests = MappingProxyType({request.op: request for request in _requests()})

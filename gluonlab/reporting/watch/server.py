"""The server of the live page: fixed files, three JSON answers, one stream that tells of changes."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Optional

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gluonlab.disk import reading
from gluonlab.reporting.run_files import finite
from gluonlab.reporting.watch.store import RunStore

PAGE = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/watch.js": ("watch.js", "text/javascript"),
    "/watch.css": ("watch.css", "text/css"),
    "/uPlot.min.js": ("uPlot.min.js", "text/javascript"),
    "/uPlot.min.css": ("uPlot.min.css", "text/css"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
COOKIE = "gluonlab_watch"
LOOK_EVERY_S = 0.5
MAX_CHOSEN = 12
MAX_STREAMS = 32


class Guard:
    """Answers only who names this server as its host, and holds ``token`` if there is one.

    The name of the host keeps pages of other sites out, whose name may be made to point here.
    """

    def __init__(self, app: ASGIApp, hosts: Optional[frozenset[str]], token: Optional[str]) -> None:
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Optional[Response]:
        if self._hosts is not None and request.headers.get("host", "") not in self._hosts:
            return Response("unknown host\n", 421, media_type="text/plain")
        if self._token is None or _is_same(request.cookies.get(COOKIE, ""), self._token):
            return None
        if request.url.path == "/" and _is_same(request.query_params.get("token", ""), self._token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
            return answer
        return Response("the address with its token is needed\n", 403, media_type="text/plain")


def make_app(store: RunStore, hosts: Optional[frozenset[str]], token: Optional[str] = None) -> ASGIApp:
    """The application over ``store`` for requests to ``hosts`` (None: any); ``token``, if others may come."""
    streams = 0

    def runs(request: Request) -> Response:
        return _json(store.overview())

    def config(request: Request) -> Response:
        return _answer(lambda: store.config(request.query_params.get("run", "")))

    def series(request: Request) -> Response:
        query = request.query_params
        return _answer(lambda: store.series(query.get("run", ""), query.get("value", "train.loss")))

    async def live(request: Request) -> Response:
        if streams >= MAX_STREAMS:
            return Response("too many pages are open\n", 503, media_type="text/plain")
        names = request.query_params.getlist("run")[:MAX_CHOSEN]
        return StreamingResponse(changes(names), media_type="text/event-stream")

    async def changes(names: list[str]) -> AsyncIterator[str]:
        nonlocal streams
        streams += 1
        try:
            before = None
            while True:
                now = await run_in_threadpool(store.signature, names)
                yield "data: changed\n\n" if now != before else ": still here\n\n"
                before = now
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            streams -= 1

    pages = [Route(path, _file(*file), methods=["GET"]) for path, file in FILES.items()]
    answers = {"/api/runs": runs, "/api/config": config, "/api/series": series, "/api/live": live}
    return Guard(Starlette(routes=[*pages, *(Route(path, do) for path, do in answers.items())]), hosts, token)


def _file(name: str, media_type: str) -> Any:
    with reading(PAGE / name):
        content = (PAGE / name).read_bytes()
    return lambda request: Response(content, media_type=media_type)


def _answer(ask: Any) -> Response:
    try:
        return _json(ask())
    except KeyError:
        return _json({"note": "no such run: it was removed or renamed"}, 404)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "a file is damaged"
        return _json({"note": f"cannot be read: {what}"}, 404)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(finite(value), allow_nan=False), status, media_type="application/json")


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())

"""The server of the live page: fixed files, JSON answers, one stream of changes, and control if allowed."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any, Optional

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gluonlab.disk import reading
from gluonlab.reporting.run_files import finite
from gluonlab.reporting.watch.children import Children
from gluonlab.reporting.watch.store import RunStore

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("watch", "dom", "table", "chart", "panels")
FILES = {
    "/": ("index.html", "text/html"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript") for name in SCRIPTS},
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
# Of a large folder the newest runs are shown, while the rest is read.
READ_FOR_S = 0.15
MAX_CHOSEN = 12
MAX_STREAMS = 32
MAX_BODY_BYTES = 4096


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


def make_app(
    store: RunStore,
    hosts: Optional[frozenset[str]],
    token: Optional[str],
    children: Children,
    closing: Event,
    *,
    may_control: bool,
) -> ASGIApp:
    """The application over ``store`` for requests to ``hosts`` (None: any); ``token``, if others may come.

    ``children`` show samples; with ``may_control``, which needs a ``token``, they control runs too.
    Streams end once ``closing`` is set.
    """
    answers = Answers(store, children, may_control=may_control and token is not None)
    live = Live(store, closing)
    pages = [Route(path, _file(*file), methods=["GET"]) for path, file in FILES.items()]
    asked = {
        "runs": answers.runs,
        "run": answers.details,
        "samples": answers.samples,
        "series": answers.series,
        "live": live.stream,
    }
    routes = [Route(f"/api/{name}", answer, methods=["GET"]) for name, answer in asked.items()]
    routes.append(Route("/api/control", answers.control, methods=["POST"]))
    return Guard(Starlette(routes=[*pages, *routes]), hosts, token)


class Answers:
    """What is said of the runs in ``store``, each answer a JSON object; ``note`` says what is wrong."""

    def __init__(self, store: RunStore, children: Children, *, may_control: bool) -> None:
        self._store, self._children, self._may_control = store, children, may_control

    def runs(self, request: Request) -> Response:
        """All of them, as far as a moment's reading goes, and whether they may be controlled."""
        return _json({**self._store.overview(READ_FOR_S), "may_control": self._may_control})

    def details(self, request: Request) -> Response:
        """Configuration, plan, processes and deaths of one."""
        return _answer(lambda: self._store.details(request.query_params.get("run", "")))

    def series(self, request: Request) -> Response:
        """One value of one."""
        query = request.query_params
        return _answer(lambda: self._store.series(query.get("run", ""), query.get("value", "train.loss")))

    def samples(self, request: Request) -> Response:
        """Images, and what the newest checkpoint of a run takes them for."""
        name = request.query_params.get("run", "")
        return _answer(lambda: self._children.samples(self._store.path_of(name)))

    async def control(self, request: Request) -> Response:
        """Stop, resume or delete a run."""
        if not (self._may_control and _is_from_page(request)):
            return _json({"note": "not allowed: see --allow-control"}, 403)
        wish = await _small_body(request)
        if wish is None:
            return _json({"note": "not a wish"}, 400)
        name, action = wish
        return await run_in_threadpool(
            _answer, lambda: self._children.carry_out(self._store.path_of(name), action)
        )


class Live:
    """Streams that tell open pages of changes; there are `MAX_STREAMS` at most."""

    def __init__(self, store: RunStore, closing: Event) -> None:
        self._store, self._closing, self._open = store, closing, 0

    async def stream(self, request: Request) -> Response:
        """One stream over the runs that the request names."""
        if self._open >= MAX_STREAMS:
            return Response("too many pages are open\n", 503, media_type="text/plain")
        names = request.query_params.getlist("run")[:MAX_CHOSEN]
        return StreamingResponse(self._changes(names), media_type="text/event-stream")

    async def _changes(self, names: list[str]) -> AsyncIterator[str]:
        self._open += 1
        try:
            before = None
            while not self._closing.is_set():
                now = await run_in_threadpool(self._store.signature, names)
                yield "data: changed\n\n" if now != before else ": still here\n\n"
                before = now
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._open -= 1


def _is_from_page(request: Request) -> bool:
    """Whether a page of this server asks: browsers name the origin of a POST, and no page can change it."""
    origin = request.headers.get("origin", "").partition("://")[2]
    return bool(origin) and origin == request.headers.get("host")


async def _small_body(request: Request) -> Optional[tuple[str, str]]:
    """Run and action of a wish; None for anything else."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            return None
    try:
        wish = json.loads(body)
        return str(wish["run"]), str(wish["action"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


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
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(finite(value), allow_nan=False)
    return Response(text, status, media_type="application/json")


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())

"""The page's server: a thread with aiohttp, from ``start`` to ``close``."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import json
import logging
from pathlib import Path
import socket
import threading
from typing import Any

from lg_tracker_ros.ui.access import Access
from lg_tracker_ros.ui.pictures import Encoder
from lg_tracker_ros.ui.shots import Board, Host
from lg_tracker_ros.ui.viewer import Viewer

MOST = 16
"""Viewers at a time."""
LARGEST_MESSAGE = 4096
"""Bytes that a browser may send at once."""
WELCOME_S = 10.0
"""Seconds within which a viewer must show the token."""
WRONG_TOKEN_S = 0.5
"""Seconds that a wrong token costs who tries it."""
ALIVE_S = 20.0
"""Seconds between two signs of life from a browser."""
GOODBYE_S = 1.0
"""Seconds that browsers have to answer when the server ends."""
DENIED, FULL = 4401, 4429
"""Codes with which a socket is closed: wrong token, too many viewers."""
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'unsafe-inline'; style-src "
    "'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache'}


LOG = logging.getLogger('lg_tracker_ros.ui')


def _ours(record: logging.LogRecord) -> bool:
    """Whether a record tells of a fault here: of a browser's, aiohttp's would be a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    return not type(error).__module__.startswith('aiohttp.')


LOG.addFilter(_ours)


def load_aiohttp() -> Any:
    """Import aiohttp.web, which only the page needs; ValueError with how to install it."""
    try:
        from aiohttp import web
    except ModuleNotFoundError as e:
        raise ValueError('the page in the browser needs aiohttp; install it: sudo apt install '
                         'python3-aiohttp, or pip install aiohttp') from e
    return web


class Page:
    """A server for the page of one host; ``viewers`` is how many look on."""

    def __init__(self, host: Host, board: Board, access: Access, port: int) -> None:
        """Bind nothing yet; ``port`` 0: whatever is free."""
        self._web = load_aiohttp()
        self._host, self._board, self._access, self._port = host, board, access, port
        self._viewers: set[Viewer] = set()
        self._sockets: dict[Any, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._encoder = Encoder(board)
        self._threads = ThreadPoolExecutor(4, 'lg_tracker page')
        self._runner: Any = None
        self._rung = False
        self._thread = threading.Thread(target=self._loop.run_forever, name='lg_tracker page',
                                        daemon=True)

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    @property
    def pictures(self) -> int:
        """How many pictures were encoded so far."""
        return self._encoder.count

    def start(self) -> str:
        """Serve; returns the address to open. ValueError in one line when it can't be bound."""
        self._thread.start()
        try:
            port = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        except (OSError, OverflowError) as e:  # the second: a port of more than 16 bits
            self.close()
            raise ValueError(f"the page can't be served on {self._access.host} port {self._port}: "
                             f'{getattr(e, "strerror", None) or e}; choose another ui_host or '
                             'ui_port') from e
        self._board.ring = self._ring
        host = self._access.host
        if host in ('0.0.0.0', '::'):
            host = socket.gethostname()
        host = f'[{host}]' if ':' in host else host
        token = f'#{self._access.token}' if self._access.token else ''
        return f'http://{host}:{port}/{token}'

    def close(self) -> None:
        """Say goodbye to the viewers and end the threads."""
        self._board.ring = lambda: None
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._threads.shutdown()
        self._encoder.close()

    # -- in the thread ---------------------------------------------------------

    async def _open(self) -> int:
        web = self._web
        app = web.Application(middlewares=[self._guard()])
        app.router.add_get('/', self._page)
        app.router.add_get('/socket', self._socket)
        self._runner = web.AppRunner(app, access_log=None, logger=LOG)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._access.host, self._port).start()
        return int(self._runner.addresses[0][1])

    async def _shut(self) -> None:
        sockets, tasks = list(self._sockets), list(self._sockets.values())
        if sockets:
            await asyncio.wait([asyncio.ensure_future(
                s.close(code=1001, message=b'the tracker ended')) for s in sockets],
                timeout=GOODBYE_S)
        for task in tasks:  # of a browser that doesn't read
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    def _guard(self) -> Any:
        web, access = self._web, self._access

        @web.middleware
        async def guard(request: Any, handler: Any) -> Any:
            why = access.refusal(request.headers.get('Host', ''), request.headers.get('Origin'))
            if why:
                return web.Response(status=403, text=why)
            return await handler(request)
        return guard

    async def _page(self, request: Any) -> Any:
        text = Path(__file__).with_name('page.html').read_text(encoding='utf-8')
        return self._web.Response(text=text, content_type='text/html', headers=HEADERS)

    async def _socket(self, request: Any) -> Any:
        one = self._web.WebSocketResponse(heartbeat=ALIVE_S, compress=False,
                                          max_msg_size=LARGEST_MESSAGE)
        await one.prepare(request)
        self._sockets[one] = asyncio.current_task()
        try:
            if len(self._sockets) > MOST:
                await one.close(code=FULL, message=b'too many viewers')
            elif not await self._welcome(one):
                await one.close(code=DENIED, message=b'wrong token')
            else:
                await self._serve(one)
        finally:
            del self._sockets[one]
        return one

    async def _welcome(self, one: Any) -> bool:
        """Let a viewer in who begins with the token."""
        try:
            token = json.loads(await one.receive_str(timeout=WELCOME_S))['token']
        except (ValueError, TypeError, KeyError, RecursionError, asyncio.TimeoutError):
            return False
        if self._access.admits(token):
            return True
        await asyncio.sleep(WRONG_TOKEN_S)
        return False

    async def _serve(self, one: Any) -> None:
        viewer = Viewer(one, self._host, self._board, self._encoder, self._threads)
        self._viewers.add(viewer)
        try:
            await viewer.run()
        finally:
            self._viewers.discard(viewer)

    # -- from the tracker's threads --------------------------------------------

    def _ring(self) -> None:
        """Wake the viewers up, once for however many shots."""
        if self._viewers and not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._rung = False
        for viewer in self._viewers:
            viewer.woken.set()

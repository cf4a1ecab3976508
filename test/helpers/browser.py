"""A real Chromium, driven over its DevTools socket: no more than the tests of the page need."""

import asyncio
from contextlib import suppress
import json
from pathlib import Path
import shutil
import subprocess
import tempfile
import time

import pytest

aiohttp = pytest.importorskip('aiohttp')

PATIENCE = 60.0
CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome'))), None)
FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--remote-debugging-port=0', '--disable-dev-shm-usage', '--hide-scrollbars')


class Browser:
    """One tab; use it in a ``with``. Every call blocks, in a loop of its own."""

    def __init__(self, width=1000, height=640, touch=False):
        """``touch``: as a phone."""
        self.size, self.touch = (width, height), touch
        self.folder = tempfile.TemporaryDirectory(
            prefix='lg_tracker_browser_', ignore_cleanup_errors=True)  # it writes as it ends
        self.loop = asyncio.new_event_loop()
        self.number = 0

    def __enter__(self):
        """Start Chromium and connect."""
        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f'--user-data-dir={self.folder.name}', 'about:blank'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = self._port()
            self.loop.run_until_complete(self._connect(port))
            self('Emulation.setDeviceMetricsOverride', width=self.size[0], height=self.size[1],
                 deviceScaleFactor=1, mobile=self.touch)
            if self.touch:
                self('Emulation.setTouchEmulationEnabled', enabled=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """End it."""
        self.process.terminate()
        self.process.wait(30)
        with suppress(AttributeError):
            self.loop.run_until_complete(self.session.close())
        self.loop.close()
        self.folder.cleanup()

    def _port(self):
        file, end = Path(self.folder.name, 'DevToolsActivePort'), time.monotonic() + PATIENCE
        while not file.exists() or not file.read_text():
            assert self.process.poll() is None and time.monotonic() < end, 'no browser'
            time.sleep(0.02)
        return file.read_text().split()[0]

    async def _connect(self, port):
        self.session = aiohttp.ClientSession()
        async with self.session.get(f'http://127.0.0.1:{port}/json/list') as answer:
            tab = next(t for t in await answer.json() if t['type'] == 'page')
        self.socket = await self.session.ws_connect(tab['webSocketDebuggerUrl'], max_msg_size=0)

    def __call__(self, method, **parameters):
        """Call a method of the protocol; return its result."""
        return self.loop.run_until_complete(self._call(method, parameters))

    async def _call(self, method, parameters):
        self.number += 1
        await self.socket.send_json({'id': self.number, 'method': method, 'params': parameters})
        while True:
            answer = await asyncio.wait_for(self.socket.receive_json(), PATIENCE)
            if answer.get('id') == self.number:
                assert 'error' not in answer, answer
                return answer['result']

    def visit(self, address):
        """Go to an address."""
        self('Page.navigate', url=address)

    def run(self, script):
        """Return the value of an expression of JavaScript."""
        result = self('Runtime.evaluate', expression=script, returnByValue=True,
                      awaitPromise=True)
        assert 'exceptionDetails' not in result, result
        return result['result'].get('value')

    def until(self, script, meanwhile=lambda: None):
        """Wait until an expression is true; ``meanwhile`` is done between two looks at it."""
        end = time.monotonic() + PATIENCE
        while not self.run(f'Boolean({script})'):
            assert time.monotonic() < end, (
                f'waited in vain: {script}; {self.run("document.body.innerText")}')
            meanwhile()
            time.sleep(0.02)

    def click(self, selector):
        """Click the middle of an element."""
        x, y = self.middle(selector)
        for kind in ('mousePressed', 'mouseReleased'):
            self._mouse(kind, x, y)

    def middle(self, selector):
        """Return where the middle of an element is."""
        return self.run(
            '(r => [r.left + r.width / 2, r.top + r.height / 2])('
            f'document.querySelector({json.dumps(selector)}).getBoundingClientRect())')

    def press(self, x, y):
        """Put the mouse's button, or the finger, down."""
        if self.touch:
            self('Input.dispatchTouchEvent', type='touchStart', touchPoints=[{'x': x, 'y': y}])
        else:
            self._mouse('mousePressed', x, y)

    def move(self, x, y):
        """Drag to a place."""
        if self.touch:
            self('Input.dispatchTouchEvent', type='touchMove', touchPoints=[{'x': x, 'y': y}])
        else:
            self._mouse('mouseMoved', x, y)

    def let_go(self, x, y):
        """Let go there."""
        self.move(x, y)
        if self.touch:
            self('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
        else:
            self._mouse('mouseReleased', x, y)

    def _mouse(self, kind, x, y):
        self('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', buttons=1,
             clickCount=1)

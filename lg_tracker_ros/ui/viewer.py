"""One browser that looks on: it gets pictures as fast as it shows them, and asks for things."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
import json
import math
from typing import Any, Callable

from lg_tracker_ros.types import Box
from lg_tracker_ros.ui.pictures import Encoder, Picture
from lg_tracker_ros.ui.shots import Board, Host
from lg_tracker_ros.words.lines import told

WINDOW = 2
"""Pictures that may be under way: more would only make the one that is shown older."""
KEPT = 2 * WINDOW
"""Pictures that a box may be drawn on. While one is drawn on the page acknowledges nothing."""
IDLE_S = 0.5
"""Seconds after which the state is looked at, without a new picture too."""


class Viewer:
    """
    Serves one socket that was let in; ``run`` ends with it.

    From the browser: ``{"seen": number}`` for each picture that was shown, ``{"wish": {"camera":
    name, "attention": bool}}``, ``{"hold": bool}``, and requests ``{"id": n, "do": ...}``, each
    answered by ``{"answer": n, "good": bool, "text": ...}``. To it: pictures (``Picture.message``)
    and ``{"state": ...}`` when that changes.
    """

    def __init__(self, socket: Any, host: Host, board: Board, encoder: Encoder,
                 threads: Executor) -> None:
        """``threads`` are for what is asked of the host, which may take a while."""
        self._socket, self._host, self._board = socket, host, board
        self._encoder, self._threads = encoder, threads
        self.woken = asyncio.Event()
        self._sent: OrderedDict[int, Picture] = OrderedDict()
        self._number = self._seen = 0
        self._camera, self._attention = '', False
        self._over = False

    async def run(self) -> None:
        """Feed and listen until the socket is closed."""
        feed = asyncio.ensure_future(self._feed())
        try:
            async for message in self._socket:
                if isinstance(message.data, str):
                    await self._hear(message.data)
        finally:
            self._over = True  # wait_for may lose a cancellation (Python 3.11 and before)
            feed.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, RuntimeError):
                await feed
            self._host.hold(self, False)

    async def _feed(self) -> None:
        """Send the newest picture whenever the browser is ready for one: others are passed by."""
        last, state, drawn = None, None, 0
        while not self._over:
            now = self._host.state()
            if now != state:
                state = now
                await self._socket.send_str(json.dumps({'state': state}))
            self.woken.clear()
            ready = self._number - self._seen < WINDOW
            found = await self._encoder.newest(self._camera) if ready else None
            if found is None or found is last:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.woken.wait(), IDLE_S)
                continue
            last = found
            self._number += 1
            self._sent[self._number] = found
            if len(self._sent) > KEPT:
                self._sent.popitem(last=False)
            points, drawn = self._board.curve(drawn)
            await self._socket.send_bytes(found.message(
                {'number': self._number, 'points': points}, self._attention))

    async def _hear(self, text: str) -> None:
        """Do what a message asks for; one that means nothing is answered, too."""
        number: Any = None
        try:
            asked = json.loads(text)
            if not isinstance(asked, dict):
                raise ValueError('expected an object')
            number = asked.get('id')
            if 'seen' in asked:
                self._seen = min(max(self._seen, int(asked['seen'])), self._number)
                self.woken.set()
            elif 'wish' in asked:
                wish = asked['wish']
                self._camera, self._attention = str(wish['camera']), bool(wish['attention'])
                self.woken.set()
            elif 'hold' in asked:
                self._host.hold(self, bool(asked['hold']))
            else:
                said = await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._work(asked))
                await self._answer(number, True, said)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as e:
            await self._answer(number, False, told(e))

    def _work(self, asked: dict[str, Any]) -> Callable[[], str]:
        """Return what a request asks of the host; ValueError and the like where it is none."""
        what = asked['do']
        if what == 'begin':
            shown = self._sent.get(int(asked['number']))
            if shown is None:
                raise ValueError('the picture that was drawn on is gone; draw once more')
            (x, y, w, h), (width, height) = map(float, asked['box']), shown.size
            # shares of the picture: the browser may have it in another size
            box = Box(x * width, y * height, w * width, h * height)
            return partial(self._host.begin, shown.shot, box)
        if what == 'set':
            value = float(asked['value'])
            if not math.isfinite(value):
                raise ValueError(f'expected a number, got {value}')
            return partial(self._host.tune, str(asked['name']), value)
        known: dict[str, Callable[[], str]] = {
            'reset': self._host.reset, 'reject': partial(self._host.advise, False),
            'confirm': partial(self._host.advise, True)}
        if what not in known:
            raise ValueError(f'expected begin, set, {", ".join(known)}, got {what!r}')
        return known[what]

    async def _answer(self, number: Any, good: bool, text: str) -> None:
        await self._socket.send_str(json.dumps({'answer': number, 'good': good, 'text': text}))

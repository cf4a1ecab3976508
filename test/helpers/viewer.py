"""A plain client of the page: one socket, as a program has it."""

import asyncio
import json
import struct

import cv2
import numpy as np
import pytest

aiohttp = pytest.importorskip('aiohttp')

PATIENCE = 60.0


class Viewer:
    """Looks on; every call blocks, in a loop of its own. Use it in a ``with``."""

    def __init__(self, address, token=None, **headers):
        """``address`` is what was printed; its token is shown unless another is given."""
        self.address, _, own = address.partition('#')
        self.token, self.headers = own if token is None else token, headers
        self.loop = asyncio.new_event_loop()
        self.state, self.number, self.code = None, 0, None

    def __enter__(self):
        """Connect; an HTTP status that is no socket's raises."""
        async def connect():
            self.session = aiohttp.ClientSession()
            self.socket = await self.session.ws_connect(self.address + 'socket', max_msg_size=0,
                                                        headers=self.headers)
            await self.socket.send_json({'token': self.token})
        try:
            self.loop.run_until_complete(connect())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Leave."""
        self.loop.run_until_complete(self.session.close())
        self.loop.close()

    def get(self, path='', **headers):
        """Return status, headers and text of a page."""
        async def get():
            async with self.session.get(self.address + path, headers=headers) as answer:
                return answer.status, answer.headers, await answer.text()
        return self.loop.run_until_complete(get())

    def send(self, **message):
        """Send something."""
        self.loop.run_until_complete(self.socket.send_json(message))

    def hear(self):
        """Return what comes next: a dictionary, a picture, or None at the end."""
        message = self.loop.run_until_complete(asyncio.wait_for(self.socket.receive(), PATIENCE))
        if message.type is aiohttp.WSMsgType.TEXT:
            found = json.loads(message.data)
            self.state = found.get('state', self.state)
            return found
        if message.type is aiohttp.WSMsgType.BINARY:
            return Picture(message.data)
        self.code = self.socket.close_code
        return None

    def until(self, test):
        """Return the first thing that passes, acknowledging pictures on the way, but not it."""
        while True:
            found = self.hear()
            assert found is not None, f'closed with {self.code}'
            if test(found):
                return found
            if isinstance(found, Picture):
                self.send(seen=found.number)

    def when(self, test):
        """Wait until the state passes; it may have done so already."""
        if not (self.state and test(self.state)):
            self.until(lambda m: isinstance(m, dict) and 'state' in m and test(m['state']))

    def picture(self, test=lambda p: True):
        """Return the next picture that passes."""
        return self.until(lambda m: isinstance(m, Picture) and test(m))

    def ask(self, **what):
        """Ask for something; return whether it was done, and what was said."""
        self.number += 1
        self.send(id=self.number, **what)
        answer = self.until(lambda m: isinstance(m, dict) and m.get('answer') == self.number)
        return answer['good'], answer['text']

    def draw(self, picture, box):
        """Draw a box, in pixels, on a picture."""
        width, height = picture.header['size']
        return self.ask(do='begin', number=picture.number, box=[
            box[0] / width, box[1] / height, box[2] / width, box[3] / height])


class Picture:
    """A message with a picture, taken apart."""

    def __init__(self, data):
        """Read it."""
        length, = struct.unpack_from('<I', data)
        self.header = json.loads(data[4:4 + length])
        self.number, self.track = self.header['number'], self.header['track']
        start = 4 + length + self.header['jpeg']
        self.jpeg, self.png = data[4 + length:start], data[start:]

    @property
    def image(self):
        """The picture's pixels."""
        return cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)

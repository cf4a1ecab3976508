"""The page's server over real sockets, with a host of the test's own."""

from contextlib import contextmanager
import json
import socket
import threading
import time

from helpers.viewer import aiohttp, PATIENCE, Picture, Viewer
from lg_tracker_ros.types import Box, Mode, Proposals, Track
from lg_tracker_ros.ui.access import Access
from lg_tracker_ros.ui.server import Page
from lg_tracker_ros.ui.shots import Board, Shot
import numpy as np
import pytest

W, H = 320, 240


class Desk:
    """Takes down what is asked for."""

    def __init__(self):
        """Start with nothing."""
        self.done, self.target, self.held = [], '', set()
        self.changed = threading.Event()

    def state(self):
        """Describe it."""
        return {'cameras': ['a', 'b'], 'target': self.target, 'note': '', 'sliders': []}

    def begin(self, shot, box):
        """Note it."""
        self.done.append((shot.origin, box))
        return 'begun'

    def reset(self):
        """Refuse."""
        raise ValueError('there is no target')

    def advise(self, right):
        """Note it."""
        self.done.append(right)
        return 'yes'

    def tune(self, name, value):
        """Note it."""
        self.done.append((name, value))
        return 'set'

    def hold(self, viewer, on):
        """Note it."""
        (self.held.add if on else self.held.discard)(viewer)
        self.changed.set()


def shot(number, camera='a', track=None, size=(W, H)):
    """Make a shot whose grey says its number."""
    image = np.full((size[1], size[0], 3), number % 256, np.uint8)
    return Shot(camera, number, lambda: image, track, number)


def result(number, box=None, confidence=0.5, attention=None):
    """Make a shot with a result."""
    mode = Mode.LOCAL if attention is None else Mode.GLOBAL
    proposals = None if attention is None else Proposals([], attention)
    return shot(number, track=Track('a', number, mode, box, confidence, 0, proposals=proposals))


@contextmanager
def served(host='127.0.0.1', token=''):
    """Serve a page; gives board, desk, page and address."""
    board, desk = Board(), Desk()
    page = Page(desk, board, Access.of(host, token), 0)
    address = page.start()
    try:
        yield board, desk, page, address.replace(socket.gethostname(), '127.0.0.1')
    finally:
        page.close()


def test_the_page_needs_nothing_from_elsewhere():
    with served() as (_, _, _, address), Viewer(address) as viewer:
        status, headers, text = viewer.get()
        assert status == 200 and headers['Content-Type'].startswith('text/html')
        policy = headers['Content-Security-Policy']
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert not [w for w in ('http://', 'https://', 'src=', '@import') if w in text]
        assert viewer.get('other')[0] == 404
        # another site's name that leads here, and another site's page
        assert viewer.get(Host='evil.example')[0] == 403
        assert viewer.get('socket', Origin='https://evil.example')[0] == 403
    with served() as (_, _, _, address), pytest.raises(aiohttp.WSServerHandshakeError):
        Viewer(address, Origin='https://evil.example').__enter__()


def test_a_picture_comes_with_its_result_and_the_curve():
    with served() as (board, _, page, address):
        board.put(result(40, Box(32, 24, 64, 48), 0.75))
        board.put(result(41, Box(32, 24, 64, 48), 0.5))
        board.put(shot(7, 'b', size=(1920, 1080)))
        with Viewer(address) as viewer:
            picture = viewer.picture()
            assert picture.header['camera'] == 'a' and picture.header['size'] == [W, H]
            assert abs(int(picture.image.mean()) - 41) <= 1 and picture.image.shape == (H, W, 3)
            assert picture.track == {'mode': 'LOCAL', 'sight': 'SEEN', 'unsure': None,
                                     'box': [32, 24, 64, 48], 'confidence': 0.5}
            assert [p[1:] for p in picture.header['points']] == [[0.75, 1, 1], [0.5, 1, 1]]
            assert viewer.state == {'cameras': ['a', 'b'], 'target': '', 'note': '',
                                    'sliders': []}
            viewer.send(wish={'camera': 'b', 'attention': False})
            other = viewer.picture(lambda p: p.header['camera'] == 'b')
            assert other.header['size'] == [1920, 1080] and other.image.shape == (540, 960, 3)
            assert other.header['points'] == []  # they came already
        assert page.pictures == 2


def test_attention_comes_on_wish():
    with served() as (board, _, _, address), Viewer(address) as viewer:
        board.put(result(1, attention=np.float32([[0, 1]])))
        assert viewer.picture().png == b''
        viewer.send(wish={'camera': '', 'attention': True})
        board.put(result(2, attention=np.float32([[0, 1]])))
        png = viewer.picture(lambda p: p.png).png
        import cv2
        glow = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        assert glow[..., 3].tolist() == [[0, 220]]


def test_a_box_is_begun_on_the_very_picture_it_was_drawn_on():
    with served() as (board, desk, _, address), Viewer(address) as viewer:
        board.put(shot(1))
        first = viewer.picture()
        for i in range(2, 6):  # not acknowledged while it is drawn on: one more comes, no others
            board.put(shot(i))
        assert viewer.draw(first, (32, 24, 64, 48)) == (True, 'begun')
        origin, box = desk.done.pop()
        assert origin == 1 and (box.x, box.y, box.w, box.h) == pytest.approx((32, 24, 64, 48))
        viewer.send(seen=first.number + 1)
        for i in range(6, 20):
            board.put(shot(i))
            viewer.send(seen=viewer.picture().number)
        good, text = viewer.draw(first, (32, 24, 64, 48))
        assert not good and text.endswith('is gone; draw once more') and not desk.done


def test_what_is_asked_for_is_done_or_answered():
    with served() as (board, desk, _, address), Viewer(address) as viewer:
        board.put(shot(1))
        number = viewer.picture().number
        assert viewer.ask(do='confirm') == (True, 'yes')
        assert viewer.ask(do='reject') == (True, 'yes')
        assert viewer.ask(do='set', name='beta1', value=0.5) == (True, 'set')
        assert desk.done == [True, False, ('beta1', 0.5)]
        assert viewer.ask(do='reset') == (False, 'there is no target')
        for wrong in ({}, {'do': 'fly'}, {'do': 'set', 'name': 'x', 'value': 'y'},
                      {'do': 'set', 'name': 'x', 'value': float('nan')}, {'do': 'begin'},
                      {'do': 'begin', 'number': 99, 'box': [0, 0, 1, 1]},
                      {'do': 'begin', 'number': number, 'box': [0, 0, 0, 1]},
                      {'do': 'begin', 'number': number, 'box': [0, 0, 1e400, 1]},
                      {'do': 'begin', 'number': number, 'box': 'abcd'},
                      {'wish': 1}, {'seen': 'x'}, {'seen': 1e400}):
            good, text = viewer.ask(**wrong)
            assert not good and text and '\n' not in text, wrong
        for text in ('[' * 4000, '', '[]', '{', '5', '"a"'):
            viewer.loop.run_until_complete(viewer.socket.send_str(text))
        assert viewer.ask(do='confirm') == (True, 'yes')  # it lives
        viewer.send(hold=True)
        assert desk.changed.wait(PATIENCE) and len(desk.held) == 1
        desk.changed.clear()
    assert desk.changed.wait(PATIENCE) and not desk.held  # who leaves holds nothing up


@pytest.mark.parametrize('token', ['', 'wrong-wrong-wrong', None, 5])
def test_without_the_token_nothing_comes(token):
    with served('0.0.0.0', 'right-right-right') as (board, _, page, address):
        assert address.endswith('/#right-right-right')
        board.put(shot(1))
        with Viewer(address, token='' if token is None else token) as viewer:
            assert viewer.hear() is None and viewer.code == 4401
        with Viewer(address) as viewer:
            assert viewer.picture().header['camera'] == 'a'
        assert page.pictures == 1


def test_a_slow_viewer_slows_nobody_and_gets_the_newest():
    """It reads nothing: another one gets every picture, and ``put`` costs the same."""
    with served() as (board, _, page, address), Viewer(address) as slow, Viewer(address) as quick:
        board.put(shot(0, size=(960, 720)))
        first = slow.picture()
        for i in range(1, 12):
            board.put(shot(20 * i, size=(960, 720)))
            picture = quick.picture(lambda p, i=i: abs(int(p.image.mean()) - 20 * i) <= 1)
            quick.send(seen=picture.number)
        assert page.pictures == 12  # one for both
        assert page.viewers == 2
        seen = [first.number]
        while True:  # what was under way, and nothing of what came since
            slow.send(seen=max(seen))
            picture = slow.picture()
            seen.append(picture.number)
            if abs(int(picture.image.mean()) - 220) <= 1:
                break
        assert len(seen) <= 4


def test_nothing_is_encoded_while_nobody_looks():
    with served() as (board, _, page, address):
        before = threading.active_count()
        for i in range(50):
            board.put(result(i))
        assert page.pictures == 0 and threading.active_count() == before
        with Viewer(address) as viewer:
            assert len(viewer.picture().header['points']) == 50
        assert page.pictures == 1


def test_an_image_that_cannot_be_read_is_told():
    def broken():
        raise ValueError('JPEG is cut off')
    with served() as (board, _, _, address), Viewer(address) as viewer:
        board.put(Shot('a', 1, broken, None, 1))
        picture = viewer.picture()
        assert picture.jpeg == b'' and picture.header['note'] == 'JPEG is cut off'
        viewer.send(seen=picture.number)
        board.put(shot(2))
        assert viewer.picture().jpeg


def test_a_port_that_is_taken_is_told_and_leaves_no_thread():
    with served() as (_, _, _, address):
        port = int(address.split(':')[2].strip('/'))
        before = threading.active_count()
        with pytest.raises(ValueError, match=f'be served on 127.0.0.1 port {port}: .* in use'):
            Page(Desk(), Board(), Access.of('127.0.0.1', ''), port).start()
        assert threading.active_count() == before


def test_the_end_is_told_and_quick_though_somebody_does_not_read():
    board = Board()
    page = Page(Desk(), board, Access.of('127.0.0.1', ''), 0)
    address = page.start()
    with Viewer(address) as viewer, Viewer(address) as deaf:
        board.put(shot(1))
        viewer.picture()
        deaf.picture()
        begun = time.monotonic()
        ended = threading.Thread(target=page.close)
        ended.start()
        while (message := viewer.hear()) is not None:
            assert isinstance(message, (dict, Picture))
        assert viewer.code == 1001
        ended.join(PATIENCE)
        assert time.monotonic() - begun < PATIENCE / 2 and not ended.is_alive()
    board.put(shot(2))  # nobody is left to be woken


def test_a_message_that_is_too_large_ends_only_its_own_socket():
    with served() as (board, _, _, address), Viewer(address) as greedy, Viewer(address) as other:
        greedy.loop.run_until_complete(greedy.socket.send_str(json.dumps({'a': 'x' * 10000})))
        while greedy.hear() is not None:
            pass
        assert greedy.code in (1009, 1006)  # too big; what it still sends may hide the reason
        board.put(shot(1))
        assert other.picture().jpeg


def test_what_is_no_request_leaves_no_traceback(caplog):
    with served() as (_, _, _, address):
        host, port = address.split('/')[2].split(':')
        for data in (b'GET /' + b'a' * 20_000, b'\xff' * 1000):
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as one:
                one.sendall(data + b'\r\n\r\n')
                assert one.recv(100).startswith(b'HTTP/1.')
        with Viewer(address) as viewer:
            assert viewer.get()[0] == 200
    assert not [r for r in caplog.records if r.exc_info]

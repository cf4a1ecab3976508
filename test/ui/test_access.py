"""Who may use the page."""

from lg_tracker_ros.ui.access import Access, is_loopback
import pytest

LOCAL, OPEN = Access.of('127.0.0.1', ''), Access.of('0.0.0.0', '')


def test_a_token_is_made_where_others_reach_the_page():
    assert LOCAL.token == '' and Access.of('::1', '').token == ''
    assert len(OPEN.token) >= 20 and Access.of('0.0.0.0', '').token != OPEN.token
    assert Access.of('127.0.0.1', 'a-token-of-mine').token == 'a-token-of-mine'
    with pytest.raises(ValueError, match='at least 12 characters, got 5'):
        Access.of('0.0.0.0', 'short')


@pytest.mark.parametrize('host, here', [
    ('127.0.0.1', True), ('127.3.2.1', True), ('::1', True), ('localhost', True),
    ('0.0.0.0', False), ('::', False), ('192.168.1.5', False), ('robot', False),
    ('localhost.evil.example', False)])
def test_is_loopback(host, here):
    assert is_loopback(host) is here


@pytest.mark.parametrize('access, host, origin, word', [
    (LOCAL, 'localhost:8080', None, ''),
    (LOCAL, 'localhost:9000', 'http://localhost:9000', ''),  # through a tunnel
    (LOCAL, '127.0.0.1:8080', 'http://127.0.0.1:8080', ''),
    (LOCAL, '[::1]:8080', None, ''),
    (LOCAL, 'evil.example:8080', 'http://evil.example:8080', 'as localhost only'),  # rebinding
    (LOCAL, '', None, 'as localhost only'),
    (LOCAL, '[::1', None, 'expected a name and a port'),
    (LOCAL, 'localhost:8080', 'http://localhost:9000', 'may not connect'),
    (LOCAL, 'localhost:8080', 'https://evil.example', 'may not connect'),
    (LOCAL, 'localhost:8080', 'null', 'may not connect'),
    (OPEN, 'robot.local:8080', 'http://robot.local:8080', ''),
    (OPEN, 'Robot.local', 'https://robot.local', ''),  # behind a proxy that encrypts
    (OPEN, 'robot.local:8080', 'http://evil.example', 'may not connect')])
def test_hosts_and_origins(access, host, origin, word):
    text = access.refusal(host, origin)
    assert word in text and bool(word) == bool(text)


@pytest.mark.parametrize('token', ['', 'wrong', None, 7, [], 'ü' * 22])
def test_only_the_token_is_let_in(token):
    assert not OPEN.admits(token)
    assert LOCAL.admits(token)
    assert OPEN.admits(OPEN.token)

"""Who may use the page: a token, and no other site's scripts."""

from __future__ import annotations

from dataclasses import dataclass
import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

SHORTEST = 12
"""Characters of a token that somebody chose."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that is bound to ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


@dataclass(frozen=True)
class Access:
    """
    The rule for one server: ``host`` is what it is bound to, ``token`` what viewers must know.

    Without a token the name under which a browser came here must be this machine's: else a site
    whose name is made to lead here (DNS rebinding) could read the page. A site that doesn't know
    the token gets nothing whatever its name is.
    """

    host: str
    token: str

    @classmethod
    def of(cls, host: str, token: str) -> Access:
        """Take a token, or make one where it is needed; ValueError for one that is too short."""
        if token and len(token) < SHORTEST:
            raise ValueError(f'ui_token must have at least {SHORTEST} characters, '
                             f'got {len(token)}; leave it empty to have one made')
        return cls(host, token or ('' if is_loopback(host) else secrets.token_urlsafe(16)))

    def refusal(self, host: str, origin: str | None) -> str:
        """
        Say why a request is refused by its headers Host and Origin; '' when it isn't.

        A page of another origin must not open a socket here; programs send no Origin.
        """
        try:
            name, source = urlsplit(f'//{host}').hostname or '', urlsplit(origin or '').netloc
        except ValueError:
            return f'expected a name and a port, got {host[:80]!r} and {str(origin)[:80]!r}'
        if not self.token and not is_loopback(name) and name != self.host.lower():
            return f'without a token this page is reached as localhost only, not as {name!r}'
        if origin is not None and source.lower() != host.lower():
            return f'a page of {origin} may not connect to {host}'
        return ''

    def admits(self, token: object) -> bool:
        """Whether this is the token; takes as long for a wrong one whatever is wrong with it."""
        given = token if isinstance(token, str) else ''
        return not self.token or hmac.compare_digest(given.encode(), self.token.encode())

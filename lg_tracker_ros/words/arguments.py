"""The command line's parser: its help names defaults, its errors what may have been meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lg_tracker_ros.words.nearest import meant


def at_least(least: int) -> Callable[[str], int]:
    """Return the type of an option that takes a whole number from ``least`` on."""
    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f'must be a whole number of at least {least}, got {text}')
        return value
    return whole


class Help(argparse.HelpFormatter):
    """Adds ``default: VALUE`` to every option that has one and doesn't speak of it itself."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, default = action.help or '', action.default
        if not action.option_strings or 'default:' in text or default in (
                None, '', False, argparse.SUPPRESS) or default == []:
            return text
        if isinstance(default, (list, tuple)):
            return f'{text}; default: {" ".join(map(str, default))}'
        return f'{text}; default: %(default)s'


class Parser(argparse.ArgumentParser):
    """
    A parser, and that of its commands.

    Python 3.14 has the like for commands and choices (``suggest_on_error``), not for options.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Take argparse's words."""
        super().__init__(formatter_class=Help, **kwargs)

    def parse_known_args(  # type: ignore[override]
            self, args: Sequence[str] | None = None,
            namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse; what is unknown is told by the command it was given to, first of all."""
        if args is not None and not self._subparsers:
            self._check_options(args)
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f'{rest[0]!r} is one word too many; a name with blanks needs quotes')
        return found, rest

    def _check_options(self, words: Iterable[str]) -> None:
        known = [o for o in self._option_string_actions if o.startswith('--')]
        for word in words:
            if word == '--':
                return
            name = word.partition('=')[0]
            if name.startswith('--') and ' ' not in name and not any(
                    o.startswith(name) for o in known):
                near = meant(name[2:], [o[2:] for o in known], '--')
                self.error(f'there is no option {name}; ' + (near or '--help names all'))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = ('option ' + action.option_strings[0] if action.option_strings else 'command')
            names = list(map(str, action.choices))
            raise argparse.ArgumentError(None, f'{what} knows no {value!r}; ' + (
                meant(value, names) or f'there are {", ".join(names)}'))

"""An operator's text inside a message: short, on one line and harmless to a terminal."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

_LONGEST = 60
_MOST_NAMES = 1000
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def quoted(text: str) -> str:
    r"""The text in backticks, cut, with control characters made visible.

    >>> quoted("sales"), quoted("a\x1b[2Jb")
    ('`sales`', '`a\\x1b[2Jb`')
    """
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"`{visible(cut)}`"


def visible(text: str) -> str:
    r"""The text with every control and format character as an escape.

    >>> visible("a\tb\u202e")
    'a\\tb\\u202e'
    """
    return "".join(char if not is_invisible(char) else repr(char)[1:-1] for char in text)


def is_invisible(char: str) -> bool:
    """Whether a character is a control, format or private one."""
    return unicodedata.category(char) in _INVISIBLE


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A hint: the nearest known name, or all of them when they are few.

    >>> did_you_mean("slaes", ["sales", "support"])
    'did you mean `sales`?'
    >>> did_you_mean("x", ["b", "a"])
    'known: a, b'
    """
    names = sorted(known)
    if len(names) > _MOST_NAMES:
        return ""
    near = difflib.get_close_matches(wrong[:_LONGEST], names, n=1)
    if near:
        return f"did you mean {quoted(near[0])}?"
    if not names:
        return "there is none yet"
    if len(names) > 20:
        return ""
    return f"known: {', '.join(names)}"

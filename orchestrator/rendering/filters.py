"""One filter for each syntax that a value is written into. What can't be written safely is refused."""

from __future__ import annotations

import re
import unicodedata

from jinja2 import Undefined

from orchestrator.errors import RenderFailed

PROMPT_PREFIX = "vpbx"
"""Directory among the switch's sounds that the prompts of the project are found in."""

_ARGUMENT = re.compile(r"[A-Za-z0-9+._/-]*")


def finalize(value: object) -> str:
    """Every value that a template prints passes here: text and numbers only, and no control characters."""
    if isinstance(value, Undefined):
        return str(value)  # a StrictUndefined: it raises, and says which name isn't there
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise RenderFailed(f"a template printed a {type(value).__name__}, which has no spelling there")
    text = str(value)
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) == "Cc":
            raise RenderFailed(f"control character U+{ord(character):04X} in {text!r}")
    return text


def argument(value: str | int) -> str:
    """A value inside an application's argument list or a mark: digits, letters, `+ . _ / -` only.

    >>> argument("+74951112233")
    '+74951112233'
    """
    text = str(value)
    if _ARGUMENT.fullmatch(text) is None:
        raise RenderFailed(f"{text!r} can't be an argument in the dialplan")
    return text


def setting(value: str | int) -> str:
    """A value after `=` in an Asterisk .conf file: one line, `;` escaped.

    >>> print(setting("a;b"))
    a\\;b
    """
    text = finalize(value)
    if "\n" in text or text != text.strip():
        raise RenderFailed(f"{text!r} can't be a setting: line break or outer space")
    return text.replace("\\", "\\\\").replace(";", "\\;")


def comment(value: str) -> str:
    """Text in a comment: one line, and no `;--` that would open a block comment."""
    return " ".join(finalize(value).split()).replace(";--", "; --")


def display_name(value: str) -> str:
    """A person's name between the quotes of `callerid`: typographic quotes for straight ones, no `<>`.

    >>> display_name('ООО "Ромашка" <1>')
    'ООО ”Ромашка” (1)'
    """
    return setting(value.replace('"', "”").replace("<", "(").replace(">", ")").replace("\\", "/").strip())


def spoken(value: str) -> str:
    """A name that `Return` gives back: as `display_name`, and nothing that the dialplan would evaluate.

    >>> spoken("Анна ${EXTEN}")
    'Анна ＄{EXTEN}'
    """
    return display_name(value).replace("$", "＄")


def prompt_name(path: str) -> str:
    """The name under which the switch knows a prompt file of the project.

    >>> prompt_name("prompts/recorded.wav")
    'prompts.recorded'
    """
    stem = path.rpartition(".")[0] if path.endswith((".wav", ".WAV")) else path
    return argument(stem.strip("./").replace("/", "."))


def prompt(path: str) -> str:
    """A prompt as Playback takes it; empty for none."""
    return f"{PROMPT_PREFIX}/{prompt_name(path)}" if path else ""


FILTERS = {
    "argument": argument,
    "comment": comment,
    "display_name": display_name,
    "prompt": prompt,
    "setting": setting,
    "spoken": spoken,
}

"""One filter for each syntax that a value is written into. What can't be written safely is refused."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

from jinja2 import Undefined

from orchestrator.errors import RenderFailed
from orchestrator.model.mailbox import mailbox_context
from orchestrator.model.prompt import Prompt
from orchestrator.model.state import OWN_STATES
from orchestrator.routing.hours import Day
from orchestrator.routing.least_cost import costs_context
from orchestrator.routing.menus import key_outcome

PROMPT_PREFIX = "vpbx"
"""Directory among the switch's sounds that the prompts of the project are found in."""

_CODE = re.compile(r"\*[0-9]+")
_LONGEST_CLASS = 79
"""Asterisk cuts the name of a class of music on hold."""

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


def feature_code(value: str) -> str:
    """A code that a phone dials: a star and digits.

    >>> feature_code("*50")
    '*50'
    """
    if _CODE.fullmatch(value) is None:
        raise RenderFailed(f"{value!r} is no code that a phone dials")
    return value


def mailbox_of(extension: str, tenant: str) -> str:
    """A mailbox as phones and the switch name it.

    >>> mailbox_of("101", "acme")
    '101@acme-mailboxes'
    """
    return f"{argument(extension)}@{argument(mailbox_context(tenant))}"


def sip_address(value: str) -> str:
    """A SIP address inside an application's argument list: user@host or user@host:port.

    >>> sip_address("reception@pbx.example:5060")
    'reception@pbx.example:5060'
    """
    user, at, host = value.partition("@")
    host, _, port = host.partition(":")
    if not at or not user or not host or (port and not port.isdigit()):
        raise RenderFailed(f"{value!r} is no SIP address")
    return f"{argument(user)}@{argument(host)}{port and ':'}{port}"


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


def prompt_name(prompt: Prompt) -> str:
    """The name under which the switch knows a prompt: after its file, or after the text that is spoken.

    >>> prompt_name(Prompt("prompts/recorded.wav"))
    'prompts.recorded'
    >>> prompt_name(Prompt(say="Hello", language="en"))
    'said.b968d43be4fe4cd3'
    """
    if prompt.say:
        text = f"{prompt.language}\0{prompt.say}"
        return f"said.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    path = prompt.file
    stem = path.rpartition(".")[0] if path.endswith((".wav", ".WAV")) else path
    return argument(stem.strip("./").replace("/", "."))


def prompt(given: Prompt) -> str:
    """A prompt as Playback takes it; empty for none."""
    return f"{PROMPT_PREFIX}/{prompt_name(given)}" if given else ""


def music(given: Prompt) -> str:
    """The class of music on hold that plays a prompt; empty for none.

    >>> music(Prompt("music/hold.wav"))
    'music.music.hold'
    """
    if not given:
        return ""
    name = f"music.{prompt_name(given)}"
    return name if len(name) <= _LONGEST_CLASS else f"music.{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def music_directory(given: Prompt) -> str:
    """Where the switch keeps the file of a class of music, below its sounds.

    >>> music_directory(Prompt("music/hold.wav"))
    'vpbx/music.music.hold'
    """
    return f"{PROMPT_PREFIX}/{music(given)}"


def bounded(options: str, asked: bool) -> str:
    """What runs at a call's answer, behind what bounds its length. Args: options: of Dial, or empty.

    >>> bounded("U(vpbx-record-answered^acme^)", True)
    'U(vpbx-credit-answered^vpbx-record-answered^acme^)'
    """
    if not asked:
        return options
    inner = f"^{options.removeprefix('U(').removesuffix(')')}" if options else ""
    return f"U(vpbx-credit-answered{inner})"


def hours_prefix(schedule: str) -> str:
    """What the extensions of a schedule's hours begin with. Asterisk passes over a `-` in an extension.

    >>> hours_prefix("night-shift")
    'hours.night_shift'
    """
    return argument(f"hours.{schedule.replace('-', '_')}")


def menu_prefix(menu: str) -> str:
    """What the extensions of a menu's keys begin with.

    >>> menu_prefix("after-hours")
    'keys.after_hours'
    """
    return argument(f"keys.{menu.replace('-', '_')}")


def name_prefix(group: str) -> str:
    """What the extensions of spelled names begin with.

    >>> name_prefix("all")
    'spelled.all'
    """
    return argument(f"spelled.{group.replace('-', '_')}")


def waiting_extension(department: str) -> str:
    """The extension that says how callers wait for a department.

    >>> waiting_extension("first-line")
    'waiting.first_line'
    """
    return argument(f"waiting.{department.replace('-', '_')}")


def open_hours(day: Day) -> str:
    """The open spans of a day as the dialplan compares them: hours and minutes as one number, ends excluded.

    >>> from orchestrator.model.problem import NOWHERE
    >>> from orchestrator.routing.hours import OpenSpan
    >>> open_hours(Day((OpenSpan(545, 780, NOWHERE), OpenSpan(840, 1440, NOWHERE)), NOWHERE))
    '0905-1300&1400-2400'
    """
    return "&".join(f"{_digits(span.begins_min)}-{_digits(span.ends_min)}" for span in day.spans)


def date_extension(day: date) -> str:
    """A date as an extension.

    >>> date_extension(date(2026, 12, 31))
    '20261231'
    """
    return day.strftime("%Y%m%d")


def own_state(name: str) -> str:
    """The family in the switch's database of a state that a phone sets of its own.

    >>> own_state("logged_out")
    'vpbx-out'
    """
    return OWN_STATES[name]


def _digits(minute: int) -> str:
    return f"{minute // 60:02}{minute % 60:02}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "bounded": bounded,
    "argument": argument,
    "comment": comment,
    "costs_context": costs_context,
    "date_extension": date_extension,
    "display_name": display_name,
    "feature_code": feature_code,
    "hours_prefix": hours_prefix,
    "key_outcome": key_outcome,
    "mailbox_context": mailbox_context,
    "mailbox_of": mailbox_of,
    "menu_prefix": menu_prefix,
    "music": music,
    "music_directory": music_directory,
    "name_prefix": name_prefix,
    "open_hours": open_hours,
    "own_state": own_state,
    "prompt": prompt,
    "setting": setting,
    "sip_address": sip_address,
    "spoken": spoken,
    "waiting_extension": waiting_extension,
}

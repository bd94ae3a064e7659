"""`menus:` of a tenant file: what callers hear, and where each key leads."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.prompts import PROMPT
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Field
from orchestrator.definitions.targets import TargetTree
from orchestrator.model.menu import Menu
from orchestrator.model.prompt import SILENCE, Prompt
from orchestrator.model.tenant import Target

MENU_NAME = scalars.slug("a menu's name")
_KEY = scalars.matching("a key", r"[0-9]{1,2}|\*", "menu-key", "one or two digits, or `*`", numeric=True)
_TARGET = TargetTree(listed=False)
_ENDS = "the call ends"

_INVALID_PROMPT = Field(
    "prompt", PROMPT, "What the caller hears then.", "{say: Такого пункта нет}", SILENCE, "the switch's own"
)
_INVALID_TARGET: Field[Target | None] = Field(
    "target", _TARGET, "Where the call goes after the last try.", "{department: sales}", None, _ENDS
)
_AFTER = Field(
    "after_s", scalars.seconds(1, 60), "How long it waits for a key after the prompt.", "5", default=5
)
_TIMEOUT_TARGET: Field[Target | None] = Field(
    "target", _TARGET, "Where the call goes after the last try.", '{employee: "101"}', None, _ENDS
)


def _invalid(given: Converted) -> tuple[Prompt, Target | None]:
    return given[_INVALID_PROMPT], given[_INVALID_TARGET]


def _timeout(given: Converted) -> tuple[int, Target | None]:
    return given[_AFTER], given[_TIMEOUT_TARGET]


_PROMPT = Field("prompt", PROMPT, "What it plays; a key ends it.", "prompts/menu.wav")
_DIGITS = Field(
    "digits",
    MapOf(_KEY, _TARGET, at_most=100),
    "Where each key leads: one or two digits, or `*`.",
    '{"1": {department: sales}, "2": {menu: tariffs}}',
    default=(),
    default_text="none",
)
_EXTENSION = Field(
    "extension", scalars.extension(), "What reaches it from inside.", '"300"', default="", default_text="none"
)
_DIAL = Field(
    "dial_extension",
    scalars.boolean(),
    "Whether the extension of an employee or a department may be dialled in it.",
    "true",
    default=False,
    default_text="false",
)
_TRIES = Field("tries", scalars.integer(1, 10), "How often it asks in all.", "3", default=3)
_INVALID: Field[tuple[Prompt, Target | None]] = Field(
    "invalid",
    Record("what becomes of a wrong key", (_INVALID_PROMPT, _INVALID_TARGET), _invalid),
    "A key that leads nowhere was pressed.",
    "{prompt: prompts/wrong.wav, target: {department: sales}}",
    default=(SILENCE, None),
    default_text="as below",
)
_TIMEOUT: Field[tuple[int, Target | None]] = Field(
    "timeout",
    Record("what becomes of silence", (_AFTER, _TIMEOUT_TARGET), _timeout),
    "Nothing was pressed.",
    '{after_s: 5, target: {employee: "101"}}',
    default=(5, None),
    default_text="as below",
)


def _menu(given: Converted) -> Menu:
    invalid_prompt, invalid = given[_INVALID]
    wait_s, timeout = given[_TIMEOUT]
    return Menu(
        name=given.name,
        prompt=given[_PROMPT],
        keys=tuple((entry.key, entry.value) for entry in given[_DIGITS]),
        extension=given[_EXTENSION],
        dial_extension=given[_DIAL],
        wait_s=wait_s,
        tries=given[_TRIES],
        invalid_prompt=invalid_prompt,
        invalid=invalid,
        timeout=timeout,
        position=given.position,
    )


MENUS: Field[tuple[Entry[Menu], ...]] = Field(
    "menus",
    MapOf(
        MENU_NAME, Record("a menu", (_PROMPT, _DIGITS, _EXTENSION, _DIAL, _TRIES, _INVALID, _TIMEOUT), _menu)
    ),
    "What callers choose from by keys.",
    "{main: {prompt: prompts/menu.wav, digits: {…}}}",
    default=(),
    default_text="none",
)

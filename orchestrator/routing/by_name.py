"""Dial by name: who is spelled how on the keys of a phone, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orchestrator.model.prompt import Prompt
from orchestrator.model.tenant import Employee, Tenant
from orchestrator.routing.graph import SpellName

EVERYBODY = "all"
LETTERS = 3
"""How many of a name are spelled; of a shorter one all."""

_LATIN = ("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz")
_CYRILLIC = ("абвг", "деёжз", "ийкл", "мноп", "рсту", "фхцч", "шщъы", "ьэюя")
_DIGITS: Mapping[str, str] = {
    letter: str(digit)
    for keys in (_LATIN, _CYRILLIC)
    for digit, letters in enumerate(keys, 2)
    for letter in letters
}
_TRANSLITERATED: Mapping[str, str] = {
    letter: latin
    for letters, spelt in (
        ("абвгдеёжз", "a,b,v,g,d,e,e,zh,z"),
        ("ийклмнопр", "i,y,k,l,m,n,o,p,r"),
        ("стуфхцчшщ", "s,t,u,f,kh,ts,ch,sh,shch"),
        ("ъыьэюя", ",y,,e,yu,ya"),
    )
    for letter, latin in zip(letters, spelt.split(","), strict=True)
}
_ASKS: Mapping[str, tuple[str, str]] = {
    "ru": ("Наберите первые три буквы имени или фамилии.", "Никого не найдено."),
    "en": ("Spell the first three letters of a name.", "Nobody was found."),
}
_OFFERS: Mapping[str, str] = {"ru": "{}. Нажмите один.", "en": "{}. Press one."}


def spelled(name: str) -> frozenset[str]:
    """The digits that a name may be spelled by: the first letters of each of its words.

    Cyrillic words may be spelled by the Cyrillic letters of Russian phones, and transliterated by Latin ones.

    >>> sorted(spelled("Анна Щукина"))
    ['255', '266', '742', '864']
    >>> sorted(spelled("Bob O'Hara Li"))
    ['262', '54', '642']
    """
    found: set[str] = set()
    for word in re.split(r"[\s-]+", name.lower()):
        letters = "".join(letter for letter in word if letter in _DIGITS)
        latin = "".join(_TRANSLITERATED.get(letter, letter) for letter in letters)
        found |= {_keys(letters), _keys(latin)}
    return frozenset(each for each in found if len(each) > 1)


def name_step(group: str) -> str:
    """The step that asks for a name. Args: group: a department's, or `EVERYBODY`."""
    return f"names.{group.replace('-', '_')}"


def spell_name(tenant: Tenant, group: str, language: str) -> SpellName:
    """What asks for a name. Args: language: that it asks in."""
    employees = _members(tenant, group)
    table: dict[str, list[str]] = {}
    for employee in employees:
        for digits in spelled(employee.name):
            table.setdefault(digits, []).append(employee.extension)
    ask, sorry = (Prompt(say=text, language=language) for text in _ASKS[language])
    offers = tuple((each.extension, _offer(each.name)) for each in employees)
    return SpellName(
        group, tuple((digits, tuple(table[digits])) for digits in sorted(table)), ask, sorry, offers
    )


def _members(tenant: Tenant, group: str) -> Sequence[Employee]:
    """In the order of lists."""
    members = next((each.members for each in tenant.departments if each.name == group), None)
    return [each for each in tenant.employees if members is None or each.extension in members]


def _keys(letters: str) -> str:
    return "".join(_DIGITS[letter] for letter in letters[:LETTERS])


def _offer(name: str) -> Prompt:
    language = "ru" if any(letter in _TRANSLITERATED for letter in name.lower()) else "en"
    return Prompt(say=_OFFERS[language].format(name), language=language)

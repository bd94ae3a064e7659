"""What who waits in a department is told: which they are, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model.prompt import Prompt
from orchestrator.model.tenant import Department, Tenant
from orchestrator.model.waiting import LONGEST_WAIT_S, MOST_WAITING
from orchestrator.routing.graph import Waits

_UNITS: Mapping[str, tuple[str, ...]] = {
    "ru": (
        *("", "одна", "две", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять"),
        *("одиннадцать", "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать"),
        *("семнадцать", "восемнадцать", "девятнадцать"),
    ),
    "en": (
        *("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
        *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
    ),
}
_TENS: Mapping[str, tuple[str, ...]] = {
    "ru": ("", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят"),
    "en": ("", "", "twenty", "thirty", "forty", "fifty", "sixty"),
}
_NEUTER_ORDINALS = (
    *("", "первое", "второе", "третье", "четвёртое", "пятое", "шестое", "седьмое", "восьмое", "девятое"),
    *("десятое", "одиннадцатое", "двенадцатое", "тринадцатое", "четырнадцатое", "пятнадцатое"),
    *("шестнадцатое", "семнадцатое", "восемнадцатое", "девятнадцатое"),
)
_NEUTER_TENS = ("", "", "двадцатое", "тридцатое", "сороковое", "пятидесятое")


def waits_of(tenant: Tenant, department: Department) -> Waits | None:
    """How callers wait for a department, in the tenant's language; None: nobody waits."""
    given = department.waiting
    if given is None:
        return None
    minutes = range(-(-given.longest_s // 60) + 1)
    places = tuple(_place(number, tenant.language) for number in range(1, given.most + 1))
    times = tuple(_time(number, tenant.language) for number in minutes)
    return Waits(
        given.most,
        given.longest_s,
        given.music or tenant.music_on_hold,
        given.repeat_s,
        places if given.tells_place else (),
        times if given.tells_time else (),
    )


def place_text(number: int, language: str) -> str:
    """Tells a caller which in the queue they are.

    >>> place_text(1, "ru"), place_text(23, "ru")
    ('Ваше место в очереди: первое.', 'Ваше место в очереди: двадцать третье.')
    >>> place_text(21, "en")
    'You are number twenty-one in the queue.'
    """
    assert 1 <= number <= MOST_WAITING, number
    if language == "en":
        return f"You are number {_cardinal(number, language, '-')} in the queue."
    tens, units = divmod(number, 10)
    if number < 20:
        ordinal = _NEUTER_ORDINALS[number]
    else:
        ordinal = f"{_TENS[language][tens]} {_NEUTER_ORDINALS[units]}" if units else _NEUTER_TENS[tens]
    return f"Ваше место в очереди: {ordinal}."


def time_text(minutes: int, language: str) -> str:
    """Tells a caller how long it may take. Args: minutes: 0: less than one.

    >>> time_text(1, "ru"), time_text(22, "ru")
    ('Примерное время ожидания: одна минута.', 'Примерное время ожидания: двадцать две минуты.')
    >>> time_text(11, "ru"), time_text(0, "ru")
    ('Примерное время ожидания: одиннадцать минут.', 'Примерное время ожидания: меньше минуты.')
    >>> time_text(1, "en")
    'The estimated waiting time is one minute.'
    """
    assert 0 <= minutes <= LONGEST_WAIT_S // 60, minutes
    if language == "en":
        unit = "minute" if minutes == 1 else "minutes"
        told = f"{_cardinal(minutes, language, '-')} {unit}" if minutes else "less than a minute"
        return f"The estimated waiting time is {told}."
    told = f"{_cardinal(minutes, language, ' ')} {_russian_minutes(minutes)}" if minutes else "меньше минуты"
    return f"Примерное время ожидания: {told}."


def _cardinal(number: int, language: str, between: str) -> str:
    """In Russian as minutes are counted: feminine. Args: number: 1 to 60."""
    tens, units = divmod(number, 10)
    if number < 20:
        return _UNITS[language][number]
    return between.join(filter(None, (_TENS[language][tens], _UNITS[language][units])))


def _russian_minutes(number: int) -> str:
    if number % 100 in range(11, 15) or number % 10 in (0, 5, 6, 7, 8, 9):
        return "минут"
    return "минута" if number % 10 == 1 else "минуты"


def _place(number: int, language: str) -> Prompt:
    return Prompt(say=place_text(number, language), language=language)


def _time(minutes: int, language: str) -> Prompt:
    return Prompt(say=time_text(minutes, language), language=language)

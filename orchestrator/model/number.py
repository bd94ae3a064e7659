"""External numbers: E.164 with `+`. Rule: docs/decisions.md, decision 15; ITU-T E.164."""

from __future__ import annotations

import re

_SPACING = re.compile(r"[\s()\-.]")
LEAST_DIGITS, MOST_DIGITS = 7, 15
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def is_e164(text: str) -> bool:
    """Whether the text is a whole E.164 number with its plus.

    >>> is_e164("+74951234567"), is_e164("84951234567"), is_e164("+7495")
    (True, False, False)
    """
    return _E164.fullmatch(text) is not None


def to_e164(dialled: str, region: str) -> str | None:
    """What was dialled, as E.164; None when it is no external number of the region.

    Args: region: the platform's default region; `RU` reads 8XXXXXXXXXX and ten digits as +7, and
    810 as the international prefix. 00 is read as international everywhere.

    >>> to_e164("8 (495) 123-45-67", "RU"), to_e164("4951234567", "RU"), to_e164("81049301234567", "RU")
    ('+74951234567', '+74951234567', '+49301234567')
    """
    digits = _SPACING.sub("", dialled)
    if digits.startswith("+"):
        return digits if is_e164(digits) else None
    if not digits.isascii() or not digits.isdigit():
        return None
    if digits.startswith("00"):
        return _checked("+" + digits[2:])
    if region == "RU":
        if digits.startswith("810"):
            return _checked("+" + digits[3:])
        if len(digits) == 11 and digits[0] in "78":
            return _checked("+7" + digits[1:])
        if len(digits) == 10:
            return _checked("+7" + digits)
    return None


def _checked(number: str) -> str | None:
    return number if is_e164(number) else None

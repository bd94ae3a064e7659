"""Check digits of Russian tax, register and bank account numbers.

Rule: the tax service's order MMV-7-6/435@ of 29.06.2012 (INN), the Ministry of Finance's order 165n of
30.10.2017 (OGRN), the Bank of Russia's 515 of 08.09.1997 (accounts).
"""

from __future__ import annotations

from collections.abc import Sequence

_OF_COMPANY = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_OF_PERSON = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_OF_PERSON_TOO = (3, *_OF_PERSON)
_OF_ACCOUNT = (7, 1, 3)


def inn_holds(inn: str) -> bool:
    """Whether the last digits of an INN are those that the others give. Args: inn: 10 or 12 digits.

    >>> inn_holds("7700000009"), inn_holds("7700000010"), inn_holds("660000000171")
    (True, False, True)
    """
    if len(inn) == 10:
        return _inn_digit(inn, _OF_COMPANY) == inn[9]
    return _inn_digit(inn, _OF_PERSON) == inn[10] and _inn_digit(inn, _OF_PERSON_TOO) == inn[11]


def ogrn_holds(ogrn: str) -> bool:
    """Whether the last digit of an OGRN (13 digits) or OGRNIP (15) is the one that the others give.

    >>> ogrn_holds("1027700000008"), ogrn_holds("1027700000009")
    (True, False)
    """
    by = 11 if len(ogrn) == 13 else 13
    return str(int(ogrn[:-1]) % by % 10) == ogrn[-1]


def account_holds(account: str, bik: str) -> bool:
    """Whether a settlement account can be one at the bank of a BIK. Args: account: 20 digits. bik: 9.

    A bank's own accounts, and those at a settlement centre or the treasury, go by other digits of the BIK.

    >>> account_holds("40702810000000000001", "044525999"), account_holds("40702810100000000001", "044525999")
    (True, False)
    """
    return _account_sum(bik[-3:], account) or correspondent_holds(account, bik)


def correspondent_holds(account: str, bik: str) -> bool:
    """Whether a correspondent account can be one of the bank of a BIK. Args: as of `account_holds`.

    >>> correspondent_holds("30101810600000000999", "044525999")
    True
    """
    return _account_sum(f"0{bik[4:6]}", account)


def _inn_digit(inn: str, weights: Sequence[int]) -> str:
    return str(sum(int(digit) * weight for digit, weight in zip(inn, weights, strict=False)) % 11 % 10)


def _account_sum(of_bank: str, account: str) -> bool:
    digits = f"{of_bank}{account}"
    return sum(int(digit) * _OF_ACCOUNT[place % 3] for place, digit in enumerate(digits)) % 10 == 0

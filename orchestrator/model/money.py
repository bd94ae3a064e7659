"""Money: `Decimal` roubles in rates, integer kopecks in charges, one named rounding step between.

Rule: docs/decisions.md, decision 12. Floats are refused.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NewType

Kopecks = NewType("Kopecks", int)


def round_half_up(amount: Decimal | Fraction) -> int:
    """The nearest whole number, halves away from zero.

    >>> round_half_up(Decimal("2.5")), round_half_up(Fraction(-5, 2)), round_half_up(Decimal("2.49"))
    (3, -3, 2)
    """
    if isinstance(amount, float):
        raise TypeError("money is never a float (decision 12)")
    if isinstance(amount, Decimal):
        return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return ratio_half_up(amount.numerator, amount.denominator)


def ratio_half_up(numerator: int, denominator: int) -> int:
    """`round_half_up` of a fraction that needn't be made for it. Args: denominator: above zero.

    >>> ratio_half_up(5, 2), ratio_half_up(-5, 2), ratio_half_up(249, 100)
    (3, -3, 2)
    """
    if numerator < 0:
        return -((denominator - 2 * numerator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def kopecks(roubles: Decimal | Fraction) -> Kopecks:
    """Roubles as whole kopecks, rounded half-up once.

    >>> kopecks(Decimal("2.345"))
    235
    """
    return Kopecks(round_half_up(roubles * 100))


def roubles_text(amount_kop: int) -> str:
    """Kopecks as an exact rouble text.

    >>> roubles_text(-1205)
    '-12.05'
    """
    sign = "-" if amount_kop < 0 else ""
    return f"{sign}{abs(amount_kop) // 100}.{abs(amount_kop) % 100:02d}"

"""How many segments an SMS is sent in.

Rule: docs/decisions.md, decision 8. Alphabets and lengths: 3GPP TS 23.038 (6.2.1) and TS 23.040 (9.2.3.24.1):
160 septets or 70 UTF-16 units alone; 153 or 67 beside the header that joins segments.
"""

from __future__ import annotations

from collections.abc import Iterable

AS_SENT, PER_70 = "as_sent", "per_70"
SEGMENTATIONS = (AS_SENT, PER_70)

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_ESCAPED = frozenset("\f^{}\\[~]|€")
_LETTERS_TO_THE_PRICE_LIST = 70


def segments(text: str, segmentation: str = AS_SENT) -> int:
    """Segments that are charged; an empty message is one.

    Args: segmentation: `as_sent` by the phone network, or `per_70`: each started 70 characters.

    >>> segments("Спасибо за звонок"), segments("я" * 70), segments("я" * 71), segments("a" * 160)
    (1, 1, 2, 1)
    >>> segments("a" * 152 + "€" + "a" * 151), segments("a" * 152 + "€" + "a" * 152)  # the pair isn't split
    (2, 3)
    >>> segments("a" * 161, "per_70")
    3
    """
    if segmentation == PER_70:
        return max(1, -(-len(text) // _LETTERS_TO_THE_PRICE_LIST))
    if all(char in _GSM7 or char in _GSM7_ESCAPED for char in text):
        return _packed((2 if char in _GSM7_ESCAPED else 1 for char in text), alone=160, joined=153)
    return _packed((2 if ord(char) > 0xFFFF else 1 for char in text), alone=70, joined=67)


def _packed(sizes: Iterable[int], alone: int, joined: int) -> int:
    """Segments of characters of some sizes, none of which is split over two."""
    total, count, used = 0, 1, 0
    for size in sizes:
        total += size
        if used + size > joined:
            count, used = count + 1, 0
        used += size
    return 1 if total <= alone else count

"""How an operator writes numbers, brought to E.164."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.model.number import is_e164

_SENT = re.compile(r"\+?[0-9]+")
SHORTEST, LONGEST = 2, 20
"""Characters of what an operator sends."""


def by_numbering(rules: Mapping[str, str], sent: str) -> str | None:
    """What an operator sent, as E.164; None when no rule makes a number of it.

    Args: rules: what a number begins with -> what stands for that; the longest beginning decides. One that
    has its plus and no rule is taken as it is.

    >>> rules = {"8": "+7", "810": "+", "": "+7495"}
    >>> [by_numbering(rules, sent) for sent in ("84951112233", "1112233", "81049301234567")]
    ['+74951112233', '+74951112233', '+49301234567']
    """
    if _SENT.fullmatch(sent) is None or not SHORTEST <= len(sent) <= LONGEST:
        return None
    begins = [rule for rule in rules if sent.startswith(rule) and (rule or not sent.startswith("+"))]
    if not begins:
        return sent if is_e164(sent) else None
    longest = max(begins, key=len)
    made = rules[longest] + sent[len(longest) :]
    return made if is_e164(made) else None

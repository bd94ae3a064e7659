"""Values in columns: times as microseconds, facts as canonical JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def micros(at: datetime) -> int:
    """A time as microseconds since 1970 UTC.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (at - _EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """The aware UTC time of stored microseconds."""
    return _EPOCH + timedelta(microseconds=stored)


def canonical(value: object) -> str:
    """JSON that has one form only: sorted keys, no spaces, no floats.

    >>> canonical({"b": 1, "a": "ё"})
    '{"a":"ё","b":1}'
    """
    return _CANONICAL.encode(value)

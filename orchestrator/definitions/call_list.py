"""`call_list:` of a trunk: how its operator writes the list of calls that it bills."""

from __future__ import annotations

from orchestrator.carrier.columns import FIELDS
from orchestrator.definitions import scalars
from orchestrator.definitions.records import Converted, MapOf, Record
from orchestrator.definitions.shapes import Field
from orchestrator.model.call_list import USUAL, CallList

COLUMNS = Field(
    "columns",
    MapOf(scalars.choice("a column's meaning", FIELDS), scalars.text(200, "a column's title")),
    "Titles of its columns, where they aren't usual ones; `+` joins a date and a time.",
    "{started: Дата + Время, to: Номер Б, duration: Сек}",
    default=(),
    default_text="usual titles",
)
ZONE = Field(
    "time_zone",
    scalars.time_zone(),
    "Of its times.",
    "Europe/Moscow",
    default="",
    default_text="`time_zone` of the platform",
)
INCREMENT = Field(
    "increment_s", scalars.seconds(1, 3600), "Its lengths are counted up to whole ones of these.", "60", 1
)


def _call_list(given: Converted) -> CallList:
    columns = tuple((entry.key, entry.value) for entry in given[COLUMNS])
    return CallList(columns, given[ZONE], given[INCREMENT])


TRUNK_CALL_LIST = Field(
    "call_list",
    Record("a list of calls", (COLUMNS, ZONE, INCREMENT), _call_list),
    "How the operator writes the list of its calls, for `vpbx reconcile --carrier`.",
    "{columns: {started: Дата + Время}, increment_s: 60}",
    USUAL,
    "as below",
)

"""State that phones set: what it is called, by which code it is set. Its truth is on the switch (AstDB).

`apply` never overwrites it; it only drops what belongs to nobody any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position

ON, OFF = "on", "off"

SWITCHES = "vpbx-switch"
"""Family in the switch's database: below it tenant and name of a switch that is on, with `on`."""

IDLE, WRAP_UP = "vpbx-idle", "vpbx-wrap-up"
"""Families in the switch's database: below them tenant and extension, with since when an employee is idle for
departments, and until when they have wrap-up time."""

WAITS = "vpbx-wait"
"""Family in the switch's database: below it tenant and department, with how many milliseconds a place
in its queue took lately."""

UNASKED = "vpbx-unasked"
"""Family in the switch's database: below it tenant, with how many of its calls were admitted while nobody
could be asked what it may spend."""

BARRED = "vpbx-barred"
"""Family in the switch's database: below it tenant and `out` or `in`, the way in which its calls with outside
are refused, with 1. `vpbx listen` sets it for tenants that owe."""

OUT, IN = "out", "in"

MANAGERS = "vpbx-manager"
"""Family in the switch's database: below it tenant and caller, with who last spoke with them, and when."""

LOGGED_OUT = "vpbx-out"
"""Family in the switch's database: below it tenant and extension of who is logged out, with 1."""


DND = "vpbx-dnd"
"""Family in the switch's database: below it tenant and extension of who isn't to be disturbed, with 1."""

OWN_STATES = {"logged_out": LOGGED_OUT, "dnd": DND}
"""What an employee's phone sets of its own, by its name in `TenantState`: the family where it is kept."""


@dataclass(frozen=True, slots=True)
class TenantSwitch:
    """Something of a tenant that is on or off until somebody turns it, such as a night service.

    Args: code: what a phone dials to turn it. title: as people read it.
    """

    name: str
    code: str
    title: str
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TenantState:
    """What phones of a tenant have set, and what a debt has.

    Args: on: names of its switches that are on. logged_out: extensions of employees who take no calls of
    their departments. dnd: of who isn't to be disturbed. barred: ways in which its calls with outside are
    refused, see `BARRED`.
    """

    on: frozenset[str] = frozenset()
    logged_out: frozenset[str] = frozenset()
    dnd: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()

    @property
    def own(self) -> Mapping[str, frozenset[str]]:
        """Whose phones have set each of `OWN_STATES`."""
        return {"logged_out": self.logged_out, "dnd": self.dnd}


OF_MAILBOXES = ("messages", "mailbox")
"""Codes that are there for tenants with mailboxes only."""


@dataclass(frozen=True, slots=True)
class FeatureCodes:
    """What phones dial besides extensions and numbers; empty: no such code.

    Args: log_in, log_out: of departments. dnd, no_dnd: one isn't to be disturbed, and may be again. messages:
    listens to one's own mailbox. mailbox: to any of the tenant, by its extension and PIN.
    """

    log_in: str = "*45"
    log_out: str = "*46"
    dnd: str = "*78"
    no_dnd: str = "*79"
    messages: str = "*97"
    mailbox: str = "*98"
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def by_name(self) -> Mapping[str, str]:
        """The codes there are, by what they do."""
        found = {
            "log_in": self.log_in,
            "log_out": self.log_out,
            "dnd": self.dnd,
            "no_dnd": self.no_dnd,
            "messages": self.messages,
            "mailbox": self.mailbox,
        }
        return {name: code for name, code in found.items() if code}

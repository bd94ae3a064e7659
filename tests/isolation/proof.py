"""Ways from one tenant to another in what was rendered for a switch, as sentences; none when it is proved.

A tenant's calls and phones may reach what is its own and what all share. Nothing that they reach may name
another tenant, its contexts, its endpoints or what the switch's database keeps of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from isolation.asterisk_config import Context, dialplan, sections
from isolation.reach import Reach, Unproven

_PHONES = re.compile(r"pjsip/tenants/(.+)\.conf")
_DIALPLAN = re.compile(r"dialplan/.*\.conf|extensions\.conf")
_NUMBERS, _FROM_TRUNK, _CONTEXTS = "vpbx-number", "vpbx-from-trunk", ("context", "subscribe_context")


@dataclass(frozen=True, slots=True)
class _Phones:
    """Args: settings: where, endpoint, key and value of each line of a tenant's phones."""

    settings: tuple[tuple[str, str, str, str], ...]

    @property
    def endpoints(self) -> frozenset[str]:
        return frozenset(section for _, section, _, _ in self.settings)


def leaks(files: Mapping[str, str], numbers: Mapping[str, str]) -> list[str]:
    """Every leak. Args: files: rendered text by path. numbers: tenant by external number."""
    plan = dialplan({path: text for path, text in files.items() if _DIALPLAN.fullmatch(path)})
    phones = {
        found[1]: _Phones(tuple(sections(path, text)))
        for path, text in files.items()
        if (found := _PHONES.fullmatch(path)) is not None
    }
    tenants = sorted(phones)
    assert len(tenants) > 1, "there is nobody to be kept apart"
    found = []
    for tenant in tenants:
        foreign = _foreign(tenant, tenants, phones)
        found += _leaks_of(tenant, plan, phones[tenant], numbers, foreign)
    found += _strange_numbers(plan, numbers)
    found += _ways_out_of_a_trunk(plan)
    return list(dict.fromkeys(found))


def _foreign(tenant: str, tenants: list[str], phones: Mapping[str, _Phones]) -> re.Pattern[str]:
    """What stands for any other tenant in a line."""
    words = [other for other in tenants if other != tenant]
    words += [endpoint for other in words for endpoint in phones[other].endpoints]
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, sorted(words)))})(?![A-Za-z0-9])")


def _leaks_of(
    tenant: str,
    plan: Mapping[str, Context],
    phones: _Phones,
    numbers: Mapping[str, str],
    foreign: re.Pattern[str],
) -> Iterator[str]:
    for where, _, key, value in phones.settings:
        if foreign.search(value):
            yield f"{where}: a phone of {tenant} has {key}={value}"
    doors = [value for _, _, key, value in phones.settings if key in _CONTEXTS]
    own = [number for number, owner in numbers.items() if owner == tenant]
    reach = Reach(plan)
    try:
        _enter(reach, doors, own)
        reach = Reach(plan, reach.learnt)
        _enter(reach, doors, own)
    except Unproven as error:
        yield f"{tenant}: {error}"
    for line in reach.lines:
        if foreign.search(line.data):
            yield f"{line.where}: {tenant} reaches {line.application}({line.data})"
    for name in sorted(reach.contexts):
        if foreign.search(name):
            yield f"{tenant} reaches context {name}"
        for extension, device in plan[name].hints.items():
            if foreign.search(device):
                yield f"{tenant} sees {device} as {extension}"


def _enter(reach: Reach, doors: Iterable[str], numbers: Iterable[str]) -> None:
    """Follow what a tenant's phones may dial, and calls to its numbers. Args: doors: contexts of phones."""
    for door in dict.fromkeys(doors):
        reach.context(door)
    for number in numbers:
        reach.extension(_NUMBERS, number)


def _strange_numbers(plan: Mapping[str, Context], numbers: Mapping[str, str]) -> Iterator[str]:
    """Numbers that lead somewhere though nobody has them."""
    for line in plan[_NUMBERS].lines:
        if line.extension.startswith("+") and line.extension not in numbers:
            yield f"{line.where}: {line.extension} is nobody's number"


def _ways_out_of_a_trunk(plan: Mapping[str, Context]) -> Iterator[str]:
    """A caller from outside finds numbers alone: what he dials is never looked up in a tenant's context."""
    seen, ahead = set(), [_FROM_TRUNK]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        ahead += plan[name].includes
    for name in sorted(seen - {_FROM_TRUNK}):
        yield f"calls from a trunk are looked up in {name}"

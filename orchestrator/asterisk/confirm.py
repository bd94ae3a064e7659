"""Ask a running switch whether it has what was wanted, object by object; its "success" proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.dialplan import Context
from orchestrator.asterisk.difference import Difference
from orchestrator.asterisk.generations import Generation
from orchestrator.asterisk.manifest import Manifest
from orchestrator.asterisk.phones import Phone
from orchestrator.asterisk.splice import NUMBERS, Splice, differing
from orchestrator.asterisk.transports import shown_certificate, wanted_certificate
from orchestrator.errors import NotFound, SwitchError
from orchestrator.rendering.render import GENERATION_VARIABLE, generation_global, mark_global

MOST_ASKED_SINGLY = 200
"""Phones that are asked one by one for their form; of more, the switch's list is asked for their presence."""

_DEADLINE_S = 15.0
_POLL_S = 0.05
_MARK_OPTION = "Accountcode"
_TRANSPORTS = "pjsip.conf"
_MUSIC = "musiconhold.conf"
_MAILBOXES = "voicemail.conf"


class NotLoaded(SwitchError):
    """The switch lacks an object, or has an old form of it."""

    code = "not-loaded"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the switch is asked for.

    Args: asked: what is in question. spliced: what was put in action by action. phones: by endpoint. gone:
    endpoints that must not be there.
    """

    generation: Generation
    manifest: Manifest
    asked: Difference
    spliced: Splice | None
    phones: Mapping[str, Phone]
    gone: Sequence[str]


async def confirm(switch: AmiSwitch, wanted: Wanted) -> None:
    """Ask until everything wanted is there. Raises: NotLoaded: what is missing at the deadline."""
    deadline = asyncio.get_running_loop().time() + _DEADLINE_S
    while missing := await _missing(switch, wanted):
        if asyncio.get_running_loop().time() > deadline:
            raise NotLoaded(f"the switch did not take {missing}", "its log/messages says why")
        await asyncio.sleep(_POLL_S)


async def _missing(switch: AmiSwitch, wanted: Wanted) -> str:
    """The first object that the switch lacks; empty when it has all."""
    return (
        await _missing_marks(switch, wanted)
        or await _missing_steps(switch, wanted.spliced)
        or await _missing_phones(switch, wanted)
        or await _missing_trunks(switch, wanted)
        or await _missing_music(switch, wanted)
        or await _missing_mailbox(switch, wanted)
        or await _missing_certificate(wanted)
    )


async def _missing_marks(switch: AmiSwitch, wanted: Wanted) -> str:
    seen = await switch.global_variables()
    for path, digest in wanted.manifest.marks.items():
        if path in wanted.asked.shared and seen.get(mark_global(path)) != digest:
            return f"the whole of {path}"
    for tenant in wanted.asked.steps:
        if seen.get(generation_global(tenant)) != wanted.manifest.tenants[tenant].steps:
            return f"the dialplan of tenant {tenant}"
    return ""


async def _missing_steps(switch: AmiSwitch, spliced: Splice | None) -> str:
    if spliced is None:
        return ""
    for name, context in spliced.wanted.items():
        if context is None:
            if await switch.dialplan(name) is not None:
                return f"the removal of context {name}"
        elif name == NUMBERS:
            for extension in sorted(context.extensions()):
                seen = await switch.dialplan(name, extension)
                if missing := differing(context.only(extension), seen):
                    return missing
        elif missing := differing(context, await switch.dialplan(name)):
            return missing
    for extension in spliced.closed:
        if differing(Context(NUMBERS, 0), await switch.dialplan(NUMBERS, extension)):
            return f"the removal of number {extension}"
    return ""


async def _missing_phones(switch: AmiSwitch, wanted: Wanted) -> str:
    if len(wanted.phones) > MOST_ASKED_SINGLY:
        there = await switch.endpoints()
        for endpoint, phone in wanted.phones.items():
            if endpoint not in there:
                return f"endpoint {endpoint} of tenant {phone.tenant}"
    else:
        for endpoint, phone in wanted.phones.items():
            if await _option(switch, endpoint, _MARK_OPTION) != phone.mark:
                return f"the new form of endpoint {endpoint} of tenant {phone.tenant}"
    for endpoint in wanted.gone:
        if await _option(switch, endpoint, _MARK_OPTION) is not None:
            return f"the removal of endpoint {endpoint}"
    return ""


async def _missing_trunks(switch: AmiSwitch, wanted: Wanted) -> str:
    if _TRANSPORTS not in wanted.asked.shared:
        return ""
    for trunk in endpoint_ids((wanted.generation.path / _TRANSPORTS).read_text("utf-8")):
        try:
            details = await switch.endpoint(trunk)
        except NotFound:
            return f"endpoint {trunk}"
        if details.variables.get(GENERATION_VARIABLE, "") != wanted.manifest.trunks:
            return f"the new form of endpoint {trunk}"
    return ""


async def _missing_music(switch: AmiSwitch, wanted: Wanted) -> str:
    if _MUSIC not in wanted.asked.shared:
        return ""
    text = (wanted.generation.path / _MUSIC).read_text("utf-8")
    classes = [line.strip("[]") for line in text.splitlines() if line.startswith("[") and line != "[general]"]
    there = await switch.music_classes()
    return next((f"class of music {name}" for name in classes if name not in there), "")


async def _missing_mailbox(switch: AmiSwitch, wanted: Wanted) -> str:
    if _MAILBOXES not in wanted.asked.shared:
        return ""
    text = (wanted.generation.path / _MAILBOXES).read_text("utf-8")
    there = await switch.mailboxes()
    wished = set(mailboxes_in(text))
    if missing := sorted(wished - there):
        return f"mailbox {missing[0]}"
    gone = sorted(there - wished)
    return f"the removal of mailbox {gone[0]}" if gone else ""


async def _missing_certificate(wanted: Wanted) -> str:
    """Asked at the TLS listener itself: the switch has no other answer."""
    if _TRANSPORTS not in wanted.asked.shared:
        return ""
    text = (wanted.generation.path / _TRANSPORTS).read_text("utf-8")
    address, fingerprint = wanted_certificate(text)
    if address and await shown_certificate(address) != fingerprint:
        return f"its certificate: the TLS listener at {address} does not show it"
    return ""


async def _option(switch: AmiSwitch, endpoint: str, option: str) -> str | None:
    """An option of an endpoint as the switch has it; None: it has no such endpoint."""
    try:
        return (await switch.endpoint(endpoint)).options.get(option, "")
    except NotFound:
        return None


def mailboxes_in(text: str) -> Iterator[str]:
    """The mailboxes of a voicemail.conf.

    >>> list(mailboxes_in("[general]\\nformat=wav\\n[acme-mailboxes]\\n101 => 123456,,,,tz=UTC\\n"))
    ['101@acme-mailboxes']
    """
    context = ""
    for line in text.splitlines():
        if line.startswith("["):
            context = line[1 : line.index("]")]
        elif " => " in line:
            yield f"{line.partition(' => ')[0]}@{context}"


def endpoint_ids(text: str) -> Iterator[str]:
    """Names of the endpoints in a pjsip configuration file.

    >>> list(endpoint_ids("[d1]\\ntype=endpoint\\n[d1]\\ntype=aor\\n"))
    ['d1']
    """
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line[1 : line.index("]")]
        elif line == "type=endpoint":
            yield section

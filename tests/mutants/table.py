"""How each function is switched off: one change of a template or block, valid for the switch.

A function whose test stays green without it isn't tested.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "docs" / "functions.md"

_BLOCKS, _TEMPLATES = "dialplans/asterisk", "templates/asterisk"
_TEST = re.compile(r"`(test_\w+\.py)`: ((?:`test_\w+`(?:, )?)+)")


@dataclass(frozen=True, slots=True)
class Off:
    """A change. Args: file: from the repository's root. found: stands in it once. instead: what comes there.

    more: further changes that go with it.
    """

    file: str
    found: str
    instead: str
    more: tuple[Off, ...] = ()

    @property
    def changes(self) -> tuple[Off, ...]:
        """All of them, this one first."""
        return (self, *self.more)

    def stands_once_in(self, text: str) -> bool:
        """Whether a file's text has what is changed, and has it once."""
        return text.count(self.found) == 1


@dataclass(frozen=True, slots=True)
class Function:
    """A row of the table in the docs. Args: tests: file and test."""

    name: str
    yaml: str
    tests: tuple[tuple[str, str], ...]


def functions() -> list[Function]:
    """The rows of docs/functions.md, in order."""
    rows = []
    for line in FUNCTIONS.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|") or len(cells) != 3 or cells[0] == "function" or cells[0].startswith("-"):
            continue
        found = [
            (f"tests/calls/{file}", name)
            for file, names in _TEST.findall(cells[2])
            for name in re.findall(r"`(test_\w+)`", names)
        ]
        rows.append(Function(cells[0], cells[1], tuple(found)))
    return rows


_INSIDE = f"{_BLOCKS}/inside.conf"
_INBOUND = f"{_BLOCKS}/inbound.conf"
_OUTBOUND = f"{_BLOCKS}/outbound.conf"
_SCHEDULE = f"{_BLOCKS}/schedule.conf"
_DEPARTMENT = f"{_BLOCKS}/department.conf"
_WAITING = f"{_BLOCKS}/waiting.conf"
_MENU = f"{_BLOCKS}/menu.conf"
_STATE = f"{_BLOCKS}/state.conf"
_VOICEMAIL = f"{_BLOCKS}/voicemail.conf"
_RECORDING = f"{_BLOCKS}/recording.conf"
_CREDIT = f"{_BLOCKS}/credit.conf"
_TENANT = f"{_TEMPLATES}/tenant_dialplan.conf.j2"
_PHONES = f"{_TEMPLATES}/tenant_pjsip.conf.j2"
_STEPS = f"{_TEMPLATES}/_steps.j2"

_NO_SUBSCRIPTION = Off(
    _PHONES,
    "remove_existing=yes\n{% if mailboxes %}\nmailboxes={{ mailboxes }}\n",
    "remove_existing=yes\n{% if mailboxes %}\n",
)

OFF: Mapping[str, Off] = {
    "short internal numbers": Off(_TENANT, "include => {{ name }}-inside\n", ""),
    "prepaid: a call lasts as long as is paid for": Off(
        _CREDIT, "s,1,Set(TIMEOUT(absolute)=${VPBX_GRANTED_S})", "s,1,NoOp()"
    ),
    "prepaid: calls at once share the balance": Off(
        _CREDIT, "same => n,Return(credit)\n same => n(un", "same => n(un"
    ),
    "prepaid: a warning before the end": Off(_CREDIT, "ChanSpy(${VPBX_WARNED},uqEB)", "Hangup()"),
    "debt: calls to outside are barred": Off(
        _OUTBOUND, "vpbx-may-call,s,1(${ARG1},out,${ARG8})", "vpbx-may-call,s,1(${ARG1},out,)"
    ),
    "debt: suspended": Off(
        _INBOUND, "vpbx-may-call,s,1(${ARG1},in,${ARG7})", "vpbx-may-call,s,1(${ARG1},in,)"
    ),
    "prepaid: the listener is dead": Off(
        _CREDIT, 'ExecIf($["${policy}" != "one_slice"]?Return(credit))', "Return(credit)"
    ),
    "department, all at once": Off(
        _DEPARTMENT,
        'Set(LOCAL(dialled)=${dialled}${IF($["${dialled}" = ""]?:&)}${GOSUB_RETVAL})',
        "Set(LOCAL(dialled)=${GOSUB_RETVAL})",
    ),
    "department, one after another": Off(_DEPARTMENT, "in_order,1,Goto(one,1)", "in_order,1,Goto(all,1)"),
    "department, longest idle first": Off(_DEPARTMENT, 'GotoIf($["${ARG4}" = "evenly"]?next)', "NoOp()"),
    "department, one more each step": Off(
        _DEPARTMENT, "GotoIf($[${place} >= ${FIELDQTY(ARG5,&)}]?together,1)", "Goto(together,1)"
    ),
    "delay of a member": Off(_DEPARTMENT, '= "idle" & ${delay_s} = 0]?take)', '= "idle"]?take)'),
    "wrap-up time": Off(
        _DEPARTMENT, "ExecIf($[0${DB(vpbx-wrap-up/${ARG1}/${ARG2})} > ${EPOCH}]?Return(busy))", "NoOp()"
    ),
    "logged out of departments": Off(
        _DEPARTMENT, 'ExecIf($["${DB(vpbx-out/${ARG1}/${ARG2})}" = "1"]?Return(unavailable))', "NoOp()"
    ),
    "calls at once ring different members": Off(
        _DEPARTMENT, "ExecIf($[${GROUP_COUNT(${ARG1}@rings-${ARG2})} > 0]?Return(ringing))", "NoOp()"
    ),
    "waiting, first come, first served": Off(
        _WAITING,
        "exten => s,1,CELGenUserEvent(vpbx.step,step=${ARG10})",
        "exten => s,1,Goto(vpbx-department,s,1)",
    ),
    "nobody overtakes in a queue": Off(_WAITING, "GotoIf($[${place} <= 1]?first)", "Goto(first)"),
    "who hangs up leaves the queue": Off(
        _WAITING, "GotoIf($[${GROUP_COUNT(${ARG1}.${before}@place-${ARG3})} > 0]?wait)", "Goto(wait)"
    ),
    "music of a queue, place and waiting time told": Off(_WAITING, "& ${place} >= ${told}]", "]"),
    "longest wait": Off(_WAITING, "< ${longest_s} * 1000]", "< 999999999]"),
    "whom a member declines waits for another": Off(
        _WAITING, 'GotoIf($["${outcome}" = "no_answer"]?over)\n same => n,Set(LOCAL(place)=1)', "Goto(over)"
    ),
    "inbound number in every form that an operator sends": Off(
        _INBOUND, "exten => _[78]XXXXXXXXXX,1,", "exten => _[56]XXXXXXXXXX,1,"
    ),
    "number called goes outside": Off(
        _STEPS,
        '{{ action.number | argument or "${VPBX_TO}" }},{{ action.caller_id',
        "${VPBX_TO},{{ action.caller_id",
    ),
    "schedule by hours and weekday": Off(_SCHEDULE, "?open:next)", "?next:next)"),
    "days off of a country": Off(_SCHEDULE, '$["${ARG4}" = ""]?hours', '$["" = ""]?hours'),
    "hours of single dates": Off(
        _SCHEDULE, "GotoIf(${DIALPLAN_EXISTS(${ARG1},${ARG2}.${day},1)}?hours)", "NoOp()"
    ),
    "greeting of a number, once": Off(f"{_BLOCKS}/recording.conf", "Playback(${ARG1})", "NoOp()"),
    "menu: keys": Off(_MENU, "GotoIf(${DIALPLAN_EXISTS(${ARG1},${ARG2}.${key},1)}?taken)", "NoOp()"),
    "menu: nested, and back": Off(
        _MENU, "GotoIf(${DIALPLAN_EXISTS(${ARG1},${ARG2}.${key},1)}?taken)", "NoOp()"
    ),
    "menu: an extension is dialled": Off(_MENU, '$["${ARG5}" = "1" &', '$["${ARG5}" = "2" &'),
    "menu: wrong keys": Off(_MENU, "Playback(${ARG8})", "NoOp()"),
    "dial by name, Russian or Latin letters": Off(
        f"{_BLOCKS}/by_name.conf",
        "GotoIf(${DIALPLAN_EXISTS(${ARG1},${ARG2}.${digits},1)}?:nobody)",
        "Goto(nobody)",
    ),
    "switch's own prompts in the tenant's language": Off(
        _INBOUND, "Set(CHANNEL(language)=${ARG6})", "NoOp()"
    ),
    "menu: nothing is pressed": Off(_MENU, "Set(LOCAL(key)=timeout)", "Set(LOCAL(key)=invalid)"),
    "menu reached from inside": Off(_TENANT, "include => {{ name }}-inside\n", ""),
    "caller list leads another way": Off(
        f"{_BLOCKS}/callers.conf", "Set(LOCAL(found)=listed)", "Set(LOCAL(found)=others)"
    ),
    "callers who are refused": Off(f"{_BLOCKS}/callers.conf", "?blocked:next)", "?next:next)"),
    "personal manager": Off(f"{_BLOCKS}/manager.conf", "?Set(LOCAL(who)=${kept:0:-11}))", "?NoOp())"),
    "overflow when busy, not answered, not reachable": Off(
        f"{_BLOCKS}/overflow.conf", "Goto(${ARG1},1)", "Hangup(17)"
    ),
    "a call that would go round for ever ends": Off(
        f"{_BLOCKS}/overflow.conf", "$[${VPBX_HOPS} > 5]", "$[${VPBX_HOPS} > 500]"
    ),
    "a caller leaves a message": Off(_VOICEMAIL, "VoiceMail(${VPBX_MAILBOX},s)", "Wait(30)"),
    "greeting of a mailbox": Off(_VOICEMAIL, "Playback(${ARG3})", "NoOp()"),
    "message light": Off(_PHONES, "mailboxes={{ mailboxes }}\nmwi_", "mwi_", (_NO_SUBSCRIPTION,)),
    "e-mail with the message": Off(f"{_TEMPLATES}/manager.conf.j2", ', "vpbx.message"]', "]"),
    "mailbox of an employee": Off(_VOICEMAIL, "n(own),VoiceMail(${VPBX_MAILBOX},u)", "n(own),NoOp()"),
    "listen by phone, with a PIN": Off(
        _VOICEMAIL, "VoiceMailMain(${VPBX_EMPLOYEE}@${ARG1}-mailboxes)", "NoOp()"
    ),
    "night switch by code": Off(_STATE, '"on"]?on:off)})', '"on"]?off:off)})'),
    "lamp of a switch": Off(_STATE, "Set(DEVICE_STATE(Custom:vpbx-switch.${ARG1}.${ARG2})=INUSE)", "NoOp()"),
    "what phones have set survives": Off(
        _STATE, "Set(DB(vpbx-switch/${ARG1}/${ARG2})=on)", "Set(GLOBAL(VPBX_OFF)=on)"
    ),
    "do not disturb": Off(
        _INSIDE, 'GotoIf($["${DB(vpbx-dnd/${ARG5}/${ARG7})}" = "1"]?undisturbed)', "NoOp()"
    ),
    "do not disturb, in departments": Off(
        _DEPARTMENT, 'ExecIf($["${DB(vpbx-dnd/${ARG1}/${ARG2})}" = "1"]?Return(unavailable))', "NoOp()"
    ),
    "log in and out by code": Off(_STATE, "Set(DB(${ARG2}/${ARG1}/${VPBX_EMPLOYEE})=1)", "NoOp()"),
    "key with a lamp for a colleague (BLF)": Off(
        _TENANT,
        "exten => {{ extension | argument }},hint,{{ devices }}",
        "exten => {{ extension | argument }},hint,Custom:off",
    ),
    "blind transfer": Off(_INSIDE, "__TRANSFER_CONTEXT=${ARG1}-transfer", "__TRANSFER_CONTEXT=nowhere"),
    "attended transfer": Off(_PHONES, "allow_overlap=no\n", "allow_overlap=no\nallow_transfer=no\n"),
    "number outside in every form": Off(
        _BLOCKS + "/dialled.conf", "_[78][2-9]XXXXXXXXX", "_[34][2-9]XXXXXXXXX"
    ),
    "the cheapest trunk first, by decks": Off(
        f"{_BLOCKS}/least_cost.conf", "Set(LOCAL(prefix)=${ARG2:1})", "Set(LOCAL(prefix)=0)"
    ),
    "ported numbers take the trunk of who has them": Off(
        f"{_BLOCKS}/least_cost.conf", "Gosub(vpbx-ported,s,1(${ARG2:1}))", "Gosub(vpbx-ported,s,1(0))"
    ),
    "dial classes": Off(_OUTBOUND, "n(known),Goto(vpbx-class,${ARG1},1)", "n(known),Return(local)"),
    "emergency numbers": Off(
        _TENANT,
        "include => {{ name }}-emergency\ninclude => {{ name }}-inside\n",
        "include => {{ name }}-inside\n",
    ),
    "lines": Off(f"{_BLOCKS}/lines.conf", "Return(full)", "Return(admitted)"),
    "a call to another tenant stays on the switch": Off(
        _OUTBOUND, "GotoIf(${DIALPLAN_EXISTS(vpbx-number,${ARG3},1)}?on-platform)", "NoOp()"
    ),
    "recording, each party on its own channel": Off(
        _RECORDING,
        "Set(VPBX_RECORDING=${UNIQUEID}.raw)\n same => n,CELGenUserEvent",
        "Set(VPBX_RECORDING=${UNIQUEID}.raw)\n same => n,Return()\n same => n,CELGenUserEvent",
    ),
    "recording goes on after a transfer": Off(_INSIDE, " same => n,Gosub(vpbx-record-on,s,1)\n", ""),
    "announcement of the recording, from a WAV of any form": Off(_RECORDING, "Playback(${ARG1})", "NoOp()"),
    "spoken prompt": Off(_RECORDING, "?Playback(${ARG2}))", "?NoOp())"),
    "music or a message in place of ringing tones": Off(
        f"{_BLOCKS}/ringback.conf", "Return(m(${class}))", "Return()"
    ),
    "music on hold": Off(_PHONES, "moh_suggest={{ tenant.music_on_hold | music }}", "moh_suggest=silence"),
    "caller ID by tenant, department, employee, region": Off(
        _OUTBOUND,
        "exten => s,1,GotoIf(${DIALPLAN_EXISTS(${ARG1},shows.${VPBX_EMPLOYEE},1)}",
        "exten => s,1,GotoIf(${DIALPLAN_EXISTS(${ARG1},hides.${VPBX_EMPLOYEE},1)}",
    ),
    "no other caller ID than the tenant's": Off(
        _OUTBOUND, "GotoIf(${DIALPLAN_EXISTS(${ARG8},own.${shown},1)}?own)", "Goto(own)"
    ),
    "longest call": Off(
        _OUTBOUND, "exten => s,1,Set(TIMEOUT(absolute)=${VPBX_LONGEST_CALL_S})", "exten => s,1,NoOp()"
    ),
    "a call without sound ends": Off(
        _PHONES,
        "rtp_timeout={{ platform.limits.rtp_timeout_s }}",
        "rtp_timeout=0",
        (
            Off(
                f"{_TEMPLATES}/_call_limits.j2",
                "rtp_timeout={{ platform.limits.rtp_timeout_s }}",
                "rtp_timeout=0",
            ),
        ),
    ),
    "encryption required": Off(
        f"{_BLOCKS}/secure.conf", 'ExecIf($["${CHANNEL(pjsip,secure)}" = "1"]?Return())', "Return()"
    ),
    "statistics of inbound calls, by tenant, department, employee, number and hour": Off(
        _INSIDE, "=b(vpbx-phone-rung^s^1(${ARG5}^${ARG3}))${GOSUB_RETVAL}", "=${GOSUB_RETVAL}"
    ),
    "next trunk when one is at fault, by cause": Off(
        _OUTBOUND, 'ExecIf($["${ARG9}" != "" & "${GOSUB_RETVAL}" = "yes"]?Return(failed))', "NoOp()"
    ),
    "a dead trunk is passed over": Off(
        _OUTBOUND,
        'GotoIf($["${ARG9}" = "" | "${DEVICE_STATE(PJSIP/${ARG5})}" != "UNAVAILABLE"]?dial)',
        "Goto(dial)",
    ),
    "a trunk's capacity, shared fairly": Off(
        _OUTBOUND, 'GotoIf($["${GOSUB_RETVAL}" = "admitted"]?decided)', "Goto(decided)"
    ),
    "external SIP number, registered at another provider": Off(
        f"{_BLOCKS}/external.conf", "GotoIf(${DIALPLAN_EXISTS(vpbx-number,${VPBX_REGISTERED},1)}", "GotoIf(0"
    ),
    "a SIP address outside as a target": Off(
        f"{_BLOCKS}/sip.conf", "Dial(PJSIP/sip-outside/sip:", "Dial(PJSIP/sip-nowhere/sip:"
    ),
    "an operator's numbers brought to E.164": Off(
        f"{_TEMPLATES}/dialplan/trunks.conf.j2",
        "{{ each.put | argument }}${EXTEN:{{ each.cut }}}",
        "${EXTEN}",
    ),
    "a call that operators bring back again and again is ended": Off(
        f"{_BLOCKS}/numbering.conf", "?round:)", "?never:)"
    ),
    "corporate mobile calls colleagues and outside as its employee": Off(
        f"{_BLOCKS}/mobile.conf",
        "GotoIf(${DIALPLAN_EXISTS(vpbx-number,from.${VPBX_MOBILE},1)}?vpbx-number,from.${VPBX_MOBILE},1)",
        "NoOp()",
    ),
    "a corporate mobile rings beside the phones": Off(
        _STEPS, " same => n,Gosub(vpbx-dial-out,s,1(", " same => n,NoOp(("
    ),
    "call to a corporate mobile is its employee's": Off(
        f"{_BLOCKS}/mobile.conf",
        "GotoIf(${DIALPLAN_EXISTS(vpbx-number,to.${VPBX_MOBILE},1)}?vpbx-number,to.${VPBX_MOBILE},1)",
        "NoOp()",
    ),
    "number of a registered trunk in To": Off(_INBOUND, "exten => registered,1,", "exten => unregistered,1,"),
}
"""By the name in the table."""

"""Faults that Asterisk would only find when a call runs into them."""

from __future__ import annotations

import pytest

from orchestrator.asterisk.dialplan import parse
from orchestrator.asterisk.dialplan_check import Known, faults

KNOWN = Known(
    applications={
        "goto",
        "gotoif",
        "gosub",
        "gosubif",
        "dial",
        "execif",
        "hangup",
        "playback",
        "return",
        "set",
    },
    functions={"len", "filter"},
    sounds={"beep", "vpbx/hello"},
)
AROUND = "[there]\nexten => s,1,Return()\n same => n(label),Hangup()\nexten => _+7XX,1,Hangup()\n"


def found(lines: str, known: Known = KNOWN) -> list[str]:
    text = f"[here]\nexten => s,1,{lines}\n{AROUND}"
    return [str(fault) for fault in faults({"a.conf": parse(text)}, known)]


@pytest.mark.parametrize(
    "call",
    [
        "Goto(there,s,1)",
        "Goto(there,s,label)",
        "Goto(there,+712,1)",
        "Goto(s,1)",
        "Goto(1)",
        "Goto(${CONTEXT},outside,1)",
        "Goto(there,${EXTEN},1)",
        "Gosub(there,s,1(a,${LEN(${B})},c))",
        'GotoIf($["${X}" = "a?b:c"]?there,s,1)',
        'GotoIf($["${X}" = "a"]?there,s,1:s,1)',
        "ExecIf($[${X} > 5]?Hangup(25))",
        "ExecIf($[${X} > 5]?Goto(there,s,1):Playback(beep))",
        "Dial(PJSIP/a,30,b(there^s^1(x^y))U(there^x)f(+7))",
        "Dial(Local/s@there/n,30)",
        "Playback(beep&vpbx/hello,skip)",
        "Playback(${PROMPT})",
        "Set(A=${FILTER(+0-9,${B})})",
    ],
)
def test_what_is_right_is_let_pass(call: str) -> None:
    assert found(call) == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("Dail(PJSIP/a)", "the switch has no application `Dail`"),
        ("ExecIf($[1]?Dail(x))", "the switch has no application `Dail`"),
        ("Set(A=${LENG(${B})})", "the switch has no function `LENG`"),
        ("Goto(nowhere,s,1)", "there is no context `nowhere` to go to"),
        ("Gosub(there,t,1(a))", "there is no extension `t` in `there` to go to"),
        ("Gosub(there,s,9)", "`s` in `there` has no priority `9`"),
        ("GotoIf($[${X}]?there,t,1)", "there is no extension `t` in `there` to go to"),
        ("GotoIf($[${X}]?s,1:nowhere,s,1)", "there is no context `nowhere` to go to"),
        ("Goto(there,+71,1)", "there is no extension `+71` in `there` to go to"),
        ("Dial(PJSIP/a,30,b(nowhere^s^1))", "there is no context `nowhere` to go to"),
        ("Dial(PJSIP/a,30,U(nowhere^a))", "there is no context `nowhere` to go to"),
        ("Dial(Local/s@nowhere/n)", "there is no context `nowhere` to go to"),
        ("Playback(no-such&beep)", "there is no sound `no-such`"),
        ("Playback(beep", "no `)` at the end: `exten => s,1,Playback(beep`"),
    ],
)
def test_a_fault_is_told_with_its_line(call: str, told: str) -> None:
    assert found(call) == [f"a.conf:2: {told}"]


def test_what_a_context_includes_counts_and_must_be_there() -> None:
    text = "[a]\ninclude => b\ninclude => gone\nexten => s,1,Goto(a,x,1)\n[b]\nexten => x,1,Hangup()\n"
    told = [str(fault) for fault in faults({"a.conf": parse(text)}, KNOWN)]
    assert told == ["a.conf:1: [a] includes `gone`, which is no context"]


def test_contexts_of_other_files_count() -> None:
    plans = {
        "a.conf": parse("[a]\nexten => s,1,Goto(b,s,1)\n"),
        "b.conf": parse("[b]\nexten => s,1,Hangup()\n"),
    }
    assert faults(plans, KNOWN) == []


def test_where_the_switch_is_not_known_names_are_let_pass() -> None:
    assert found("Dail(x)", Known((), (), {"beep"})) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("exten = s,1,Hangup()", "no `=>`"),
        ("exten => s", "an extension without a priority"),
        ("exten => s,x,Hangup()", "a priority is a number or `n`, and an application follows it"),
        ("same => n,Hangup()", "`same` without an extension before it"),
        ("extern => s,1,Hangup()", "`extern` is no dialplan"),
        ("[broken", "a section's name has no `]`"),
    ],
)
def test_a_line_that_asterisk_would_drop_is_told(line: str, why: str) -> None:
    [unread] = parse(f"[a]\n{line}\n").unread
    assert (unread.line, unread.why) == (2, why)

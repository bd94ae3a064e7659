"""No tenant reaches another: proved on the rendered text; and each way that one might is seen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from rendered_cases import CASES, rendered

from isolation.proof import leaks
from orchestrator import definitions

Files = dict[str, str]
SEVERAL = sorted(
    name
    for name, path in CASES.items()
    if sum("disconnected" not in file.read_text() for file in path.glob("tenants/*.yaml")) > 1
)
"""Cases with several active tenants: one alone can't be kept from anybody."""


def files_of(project: Path) -> Files:
    return {path: file.text for path, file in rendered(project).files.items()}


def owners(project: Path) -> dict[str, str]:
    """Active tenant by external number, as the YAML says."""
    tenants = definitions.load(project).tenants.values()
    active = [tenant for tenant in tenants if tenant.service == "active"]
    return {did.number: tenant.name for tenant in active for did in tenant.numbers}


@pytest.mark.parametrize("case", SEVERAL)
def test_no_tenant_reaches_another(case: str) -> None:
    assert leaks(files_of(CASES[case]), owners(CASES[case])) == []


OWN = 'switches: {night: {code: "*50", title: Ночь}}\nmailboxes: {"101": {}}\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, with a switch, music, a queue and a mailbox, so that those can leak too."""
    made = tmp_path_factory.mktemp("isolation") / "project"
    shutil.copytree(CASES["examples"], made, ignore=shutil.ignore_patterns(".vpbx"))
    for name, extra in (
        ("acme", OWN),
        ("beta", OWN),
    ):
        file = made / f"tenants/{name}.yaml"
        text = file.read_text().replace("numbers:\n", f"{extra}\nnumbers:\n")
        text = text.replace("distribution: all", "distribution: all\n    waiting: {position: true}")
        target = '{switch: night, on: {employee: "101"}, off: {voicemail: "101"}}'
        file.write_text(re.sub(r'("\+7\d+": )\{employee: "101"\}', rf"\g<1>{target}", text))
    return made


def changed(files: Mapping[str, str], path: str, pattern: str, instead: str) -> Files:
    """The files with every place in one of them changed. Args: path: a pattern too."""
    found = {}
    count = 0
    for name, text in files.items():
        if re.fullmatch(path, name):
            text, here = re.subn(pattern, instead, text, flags=re.MULTILINE)
            count += here
        found[name] = text
    assert count, f"{pattern!r} is nowhere in {path}"
    return found


ACME = r"dialplan/tenants/acme\.conf"
LEAKS: Mapping[str, tuple[str, str, str]] = {
    "phones include another's extensions": (ACME, r"^include => acme-inside$", "include => beta-inside"),
    "a transferred call finds another's extensions": (
        ACME,
        r"^include => acme-extensions$",
        "include => beta-extensions",
    ),
    "a step goes on in another's steps": (
        ACME,
        r"^(exten => employees\.101,1,).*$",
        r"\1Goto(beta-inside,101,1)",
    ),
    "a phone of another rings": (ACME, r"PJSIP/d-acme-101-desk", "PJSIP/d-beta-101-desk"),
    "a department rings a phone of another too": (
        ACME,
        r"(phones\.102,1,Return\(PJSIP/d-acme-102-desk)",
        r"\1&PJSIP/d-beta-101-desk",
    ),
    "a department looks for its members in another's steps": (
        ACME,
        r"(vpbx-waiting\S*,s,1\(acme,)acme-steps\.\w+,",
        r"\1beta-inside,",
    ),
    "a caller waits in another's queue": (ACME, r"(vpbx-waiting\S*,s,1\()acme,", r"\1beta,"),
    "a queue is counted with another's": (
        r"dialplan/blocks/waiting\.conf",
        r"GROUP_COUNT\(\$\{ARG1\}@waits",
        "GROUP_COUNT(beta@waits",
    ),
    "phones transfer into another's context": (
        r"dialplan/blocks/inside\.conf",
        r"__TRANSFER_CONTEXT=\$\{ARG1\}-transfer",
        "__TRANSFER_CONTEXT=beta-transfer",
    ),
    "a line is taken of another's": (
        ACME,
        r"(vpbx-admit-inbound\S*,s,1\()acme,",
        r"\1beta,",
    ),
    "a call is recorded as another's": (ACME, r"(vpbx-record\S*,s,1\()acme,", r"\1beta,"),
    "a switch of another is asked": (ACME, r"(vpbx-ask-switch\S*,s,1\()acme,", r"\1beta,"),
    "a code turns a switch of another": (ACME, r"(vpbx-turn\S*,s,1\()acme,", r"\1beta,"),
    "a code logs somebody of another out": (ACME, r"(vpbx-own-on\S*,s,1\()acme,", r"\1beta,"),
    "a message is left with another": (ACME, r"(vpbx-voicemail\S*,s,1\()acme,", r"\1beta,"),
    "a code lets listen to mailboxes of another": (ACME, r"(vpbx-messages\S*,s,1\()acme,", r"\1beta,"),
    "a code lets listen to one's own mailbox at another": (
        ACME,
        r"(vpbx-own-messages\S*,s,1\()acme,",
        r"\1beta,",
    ),
    "a lamp shows messages of another": (
        r"pjsip/tenants/acme\.conf",
        r"^mailboxes=101@acme-",
        "mailboxes=101@beta-",
    ),
    "a key shows a phone of another": (ACME, r"(101,hint,PJSIP/)d-acme", r"\1d-beta"),
    "a key shows a switch of another": (
        ACME,
        r"hint,Custom:vpbx-switch.acme.night",
        "hint,Custom:vpbx-switch.beta.night",
    ),
    "a phone is another's": (r"pjsip/tenants/acme\.conf", r"^context=acme-phones", "context=beta-phones"),
    "a phone's keys are another's": (
        r"pjsip/tenants/acme\.conf",
        r"^subscribe_context=acme-hints",
        "subscribe_context=beta-hints",
    ),
    "a number leads to another": (
        ACME,
        r"^exten => \+74951112234,1,Goto\(acme-steps\.\w+,[^,]*,1\)",
        "exten => +74951112234,1,Goto(beta-inside,101,1)",
    ),
    "a call is sent into another's context by a Local channel": (
        r"dialplan/blocks/outbound\.conf",
        r"Local/\$\{ARG3\}@vpbx-on-platform",
        "Local/101@beta-inside",
    ),
    "a block goes to where the caller says": (
        r"dialplan/blocks/inside\.conf",
        r"^exten => s,1,CELGenUserEvent\(vpbx\.step,step=\$\{ARG2\}\)$",
        "exten => s,1,Goto(${CALLERID(name)},s,1)",
    ),
    "a trunk's calls are looked up in a tenant's context": (
        r"dialplan/blocks/inbound\.conf",
        r"^\[vpbx-from-trunk\]$",
        "[vpbx-from-trunk]\ninclude => acme-inside",
    ),
}


@pytest.mark.parametrize(("path", "pattern", "instead"), LEAKS.values(), ids=LEAKS)
def test_a_rendering_that_leaks_is_caught(project: Path, path: str, pattern: str, instead: str) -> None:
    files = changed(files_of(project), path, pattern, instead)
    assert leaks(files, owners(project))


def test_the_project_that_leaks_are_put_into_has_none(project: Path) -> None:
    assert leaks(files_of(project), owners(project)) == []

"""Apply beside calls that are up and phones that register, with a switch, disk or process that fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import doomed_apply, farside, media
from harness.farside import CARRIER, FarSide
from harness.keys import Panel
from harness.site import PHONES_HOST, Site

from orchestrator.asterisk.phones import PhoneRows
from orchestrator.rendering.sources import share_directory

pytestmark = pytest.mark.switch

DEPARTMENT, DIRECT, CALLER, MOBILE = "+74951112233", "+74951112234", "+79035556677", "+79161112233"
NUMBER_OF_BETA = "+73432223344"
INSIDE, OUTSIDE = 51, 52
SOON_S = 2.0
LAST = '  - {extension: "107", name: Наталья Щербакова}\n'
HIRED = '  - {extension: "108", name: Новый Сотрудник}\n'
STEPS = {
    "before the staged directory gets its name": ("before", 1),
    "after it": ("after", 1),
    "after the intent is noted": ("after", 2),
    "after the new steps are there": ("after", 3),
    "after the swap": ("after", 4),
    "before the doors are turned": ("before", 5),
    "after the doors are turned": ("after", 5),
    "after what nobody uses is cleared": ("after", 6),
    "before it is noted as confirmed": ("before", 7),
    "after it is noted as confirmed": ("after", 7),
}


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102"))) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A copy of templates and blocks, to be spoilt."""
    for part in ("templates", "dialplans"):
        shutil.copytree(share_directory() / part, tmp_path / "share" / part)
    return tmp_path / "share"


def apply_by(
    site: Site, share: str = "-", when: str = "after", step: int = 0, *options: str
) -> subprocess.CompletedProcess[str]:
    """An apply with other templates, or one that dies."""
    command = [sys.executable, doomed_apply.__file__, str(site.root), share, when, str(step), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def rename_101(site: Site, name: str) -> None:
    """Change something that the called phone sees."""
    site.edit("tenants/acme.yaml", (r'(extension: "101", name: )[^}]*', f'extension: "101", name: {name}'))


def name_shown(world: FarSide) -> str:
    """Call 102 from 101, have it answered, and see who is shown."""
    world.behave("acme102desk", farside.answer())
    after = len(world.calls_to("acme102desk"))
    call = world.call("acme101desk", "102")
    arrived = world.incoming("acme102desk", after=after)
    world.wait_answered(call)
    world.hang_up(call)
    return arrived.name


def live(site: Site) -> str:
    """The generation that the switch reads next."""
    return str((site.root / ".vpbx/switch/pbx1/etc").readlink())


def told(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error; its hint, when there is one, is the second."""
    lines = result.stderr.splitlines()
    assert result.returncode == 1, result
    assert result.stdout == ""
    assert lines[0].startswith("vpbx: error: ") and all(line.startswith("hint: ") for line in lines[1:]), (
        lines
    )
    return lines[0]


def test_a_call_that_is_up_survives_an_apply_that_changes_its_tenant(
    site: Site, world: FarSide, tmp_path: Path
) -> None:
    voices = {
        seed: media.write_wav(tmp_path / f"{seed}.wav", media.voice(seed)) for seed in (INSIDE, OUTSIDE)
    }
    world.behave("acme101desk", farside.answer(voices[INSIDE]))
    world.behave(CARRIER, farside.answer(voices[OUTSIDE]))
    inbound = world.call(CARRIER, DIRECT, say=voices[OUTSIDE], from_number=CALLER)
    heard = world.wait_answered(inbound)
    outbound = world.call("acme102desk", MOBILE, say=voices[INSIDE])
    world.wait_answered(outbound)
    site.edit("tenants/acme.yaml", (r"members: \[.*\]", 'members: ["102"]'))
    rename_101(site, "Анна Первая")
    applied = site.json("apply")
    assert applied["confirmed"] == ["acme"] and applied["restart_needed"] == []
    assert site.lines("acme")["in_use"] == 2
    size = heard.stat().st_size
    site.until(lambda: heard.stat().st_size > size + 2 * 2 * media.RATE, "two more seconds are heard")
    assert not world.has_ended(inbound) and not world.has_ended(outbound)
    for call in (inbound, outbound):
        ended = world.hang_up(call)
    assert ended.heard is not None
    site.until(lambda: site.lines("acme")["in_use"] == 0, "both lines are free")
    assert media.hear(media.read(heard)[0][-media.RATE :], media.voice(INSIDE)).same
    legs = site.json("calls", "list", "acme")["calls"]
    assert {leg["direction"] for leg in legs if leg["answered_at"] and leg["ended_at"]} == {"in", "out"}
    assert [charge["to"] for charge in site.json("charges", "list", "acme")["charges"]] == [MOBILE]
    assert name_shown(world) == "Анна Первая"


def test_a_new_employees_phone_registers_and_rings_after_apply_and_is_gone_with_the_employee(
    site: Site, world: FarSide
) -> None:
    site.edit("tenants/acme.yaml", (LAST, LAST + HIRED))
    assert site.json("apply")["confirmed"] == ["acme"]
    [account] = site.phones("acme", ("108",))
    with site.far_side(account, name="hired") as far:
        far.wait_registered()
        far.behave("acme108desk", farside.answer())
        call = world.call("acme101desk", "108")
        assert far.incoming("acme108desk").name == "Анна Первая"
        world.wait_answered(call)
        world.hang_up(call)
    site.edit("tenants/acme.yaml", (HIRED, ""))
    assert site.json("apply")["confirmed"] == ["acme"]
    assert "Unable to find object" in site.rx(f"pjsip show endpoint {account.endpoint}")
    assert world.wait_ended(world.call("acme101desk", "108")).code == 404


def test_a_disconnected_tenant_is_gone_from_the_switch_and_comes_back_as_it_was(
    site: Site, world: FarSide
) -> None:
    accounts = site.phones("beta")
    site.edit("tenants/beta.yaml", (r"tariff: master", "tariff: master\nservice: disconnected"))
    site.vpbx("apply")
    shown = site.rx("pjsip show endpoints")
    assert [account.endpoint for account in accounts if account.endpoint in shown] == []
    assert site.rx("dialplan show beta-phones").startswith("There is no existence of 'beta-phones'")
    assert world.wait_ended(world.call(CARRIER, NUMBER_OF_BETA, from_number=CALLER)).code == 404
    site.edit("tenants/beta.yaml", (r"\nservice: disconnected", ""))
    assert site.json("apply")["confirmed"] == ["beta"]
    assert site.phones("beta") == accounts
    assert world.wait_ended(world.call(CARRIER, NUMBER_OF_BETA, from_number=CALLER)).code == 480


def test_an_option_that_renders_nothing_is_planned_with_its_money_and_posted(site: Site) -> None:
    before = live(site)
    site.edit("tenants/acme.yaml", (r"options: \[recording\]", "options: [recording, analytics]"))
    result = site.run("plan", "--json")
    plan = json.loads(result.stdout)
    assert (result.returncode, plan["files"], plan["reloads"]) == (2, [], [])
    [service] = plan["services"]
    assert service["events"] == ["option analytics connected"]
    assert service["period_kop"]["after"] - service["period_kop"]["before"] == 500_00
    applied = site.json("apply")
    assert (applied["services"], applied["reloaded"]) == (plan["services"], [])
    assert live(site) != before
    status = site.json("tenant", "status", "acme")
    assert [option["slug"] for option in status["options"]] == ["analytics", "recording"]
    assert site.run("plan").returncode == 0
    site.edit("tenants/acme.yaml", (", analytics", ""))
    site.vpbx("apply")


def test_a_tenant_whose_file_is_gone_is_served_until_it_is_disconnected_and_comes_back(
    site: Site, world: FarSide
) -> None:
    file = site.root / "tenants/beta.yaml"
    text, accounts = file.read_text(), site.phones("beta")
    file.unlink()
    assert site.vpbx("plan").startswith("beta: file gone; stays as it is until apply --disconnect beta\n")
    rename_101(site, "Анна Безбетовна")
    assert site.json("apply")["confirmed"] == ["acme"]
    assert name_shown(world) == "Анна Безбетовна"
    with site.far_side(*accounts, name="kept") as far:
        far.wait_registered()
        far.behave("beta101desk", farside.answer())
        call = world.call(CARRIER, NUMBER_OF_BETA, from_number=CALLER)
        world.wait_answered(call)
        world.hang_up(call)
    told = site.json("apply", "--disconnect", "beta")
    assert [(each["tenant"], each["events"]) for each in told["services"]] == [("beta", ["disconnected"])]
    assert site.rx("dialplan show beta-phones").startswith("There is no existence of 'beta-phones'")
    assert world.wait_ended(world.call(CARRIER, NUMBER_OF_BETA, from_number=CALLER)).code == 404
    file.write_text(text)
    told = site.json("apply")
    assert (told["services"][0]["events"], told["confirmed"]) == (["restored"], ["beta"])
    assert site.phones("beta") == accounts
    assert world.wait_ended(world.call(CARRIER, NUMBER_OF_BETA, from_number=CALLER)).code == 480


SPOILT = {
    "a broken block": (
        "dialplans/asterisk/lines.conf",
        "[vpbx-line-take]",
        "[vpbx-line-take",
        r"there is no context `vpbx-line-take` to go to",
        r"blocks/lines.conf",
    ),
    "a broken shared file": (
        "templates/asterisk/dialplan/platform.conf.j2",
        "[vpbx-class]",
        "[vpbx-class",
        r"there is no context `vpbx-class` to go to",
        r"platform.conf",
    ),
    "a broken tenant's file": (
        "templates/asterisk/tenant_dialplan.conf.j2",
        "-transfer]",
        "-transfer",
        r"dialplan/tenants/acme.conf:\d+: a section's name has no `]`: `\[acme-transfer`",
        r"`\[acme-transfer`: a section's name has no `]`",
    ),
    "an application that the switch doesn't have": (
        "dialplans/asterisk/inside.conf",
        "Dial(${ARG1},",
        "Dail(${ARG1},",
        r"dialplan/blocks/inside.conf:\d+: the switch has no application `Dail`",
        "",
    ),
    "a subroutine that isn't there": (
        "dialplans/asterisk/inbound.conf",
        "Gosub(vpbx-line-take,s,1",
        "Gosub(vpbx-line-take,t,1",
        r"dialplan/blocks/inbound.conf:\d+: there is no extension `t` in `vpbx-line-take.\w+` to go to",
        "",
    ),
    "a sound that is missing": (
        "dialplans/asterisk/recording.conf",
        "Playback(${ARG1})",
        "Playback(no-such-sound)",
        r"dialplan/blocks/recording.conf:\d+: there is no sound `no-such-sound`",
        "",
    ),
    "a phone's option that pjsip doesn't know": (
        "templates/asterisk/tenant_pjsip.conf.j2",
        "direct_media=",
        "direct_medium=",
        r"named 'direct_medium'",
        "",
    ),
    "a trunk's option that pjsip doesn't know": (
        "templates/asterisk/pjsip.conf.j2",
        "allow_overlap=",
        "allow_overlaps=",
        r"named 'allow_overlaps'",
        r"endpoint (?:trunk-main|sip-outside)",
    ),
}


def spoil(share: Path, file: str, found: str, instead: str) -> None:
    text = (share / file).read_text()
    assert found in text
    (share / file).write_text(text.replace(found, instead))


@pytest.mark.parametrize(("file", "found", "instead", "fault", "_"), SPOILT.values(), ids=SPOILT)
def test_what_a_scratch_switch_does_not_take_is_refused_before_the_running_one_sees_anything(
    site: Site, world: FarSide, share: Path, file: str, found: str, instead: str, fault: str, _: str
) -> None:
    before, shown, log = live(site), name_shown(world), site.rx("core show uptime")
    reloaded = log.partition("Last reload")[2]
    spoil(share, file, found, instead)
    result = apply_by(site, str(share))
    assert re.search(fault, told(result)), result.stderr
    assert result.stderr.splitlines()[1].startswith("hint: the running switch was not touched")
    assert live(site) == before
    assert bool(reloaded) == ("Last reload" in site.rx("core show uptime"))
    assert name_shown(world) == shown
    site.vpbx("apply")
    assert live(site) == before


TAKEN_BACK = {name: case for name, case in SPOILT.items() if case[4]}


@pytest.mark.parametrize(("file", "found", "instead", "_", "missing"), TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_what_the_switch_does_not_take_is_told_in_one_line_and_the_configuration_before_works_on(
    site: Site, world: FarSide, share: Path, file: str, found: str, instead: str, _: str, missing: str
) -> None:
    before, shown = live(site), name_shown(world)
    spoil(share, file, found, instead)
    rename_101(site, "Анна Негодная")
    line = told(apply_by(site, str(share), "untried"))
    assert re.search(rf"the switch (did not|would not) take .*{missing}.*; generation \d+ is back$", line), (
        line
    )
    assert live(site) == before
    assert name_shown(world) == shown
    rename_101(site, shown)
    site.vpbx("apply")
    assert live(site) == before
    assert name_shown(world) == shown


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [("{{ nothing_such }}", "'nothing_such' is undefined"), ("{% fro x in y %}", "unknown tag 'fro'")],
    ids=["a name that isn't there", "a statement that isn't one"],
)
def test_a_spoilt_template_is_told_with_its_line_and_nothing_is_touched(
    site: Site, share: Path, spoilt: str, said: str
) -> None:
    before = live(site)
    template = share / "templates/asterisk/tenant_pjsip.conf.j2"
    lines = template.read_text().splitlines()
    number = lines.index("direct_media=no") + 1
    lines.insert(number - 1, spoilt)
    template.write_text("\n".join(lines) + "\n")
    line = told(apply_by(site, str(share)))
    assert f"templates/asterisk/tenant_pjsip.conf.j2:{number}: " in line and said in line
    assert live(site) == before


def test_two_applies_at_once_both_succeed_one_after_the_other(site: Site, world: FarSide) -> None:
    rename_101(site, "Анна Двойная")
    command = [str(Path(sys.executable).with_name("vpbx")), "-C", str(site.root), "apply", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(bool(answer["changed"]) for answer in answers) == [False, True]
    assert len({answer["generation"] for answer in answers}) == 1
    assert name_shown(world) == "Анна Двойная"


@pytest.mark.parametrize(("when", "step"), STEPS.values(), ids=STEPS)
def test_an_apply_that_is_killed_leaves_a_switch_that_answers_and_the_next_apply_works(
    site: Site, world: FarSide, when: str, step: int
) -> None:
    name = f"Анна {when} {step}"
    shown = name_shown(world)
    rename_101(site, name)
    assert apply_by(site, when=when, step=step).returncode == -signal.SIGKILL
    assert name_shown(world) in (shown, name)
    site.vpbx("apply")
    assert name_shown(world) == name
    assert list((site.root / ".vpbx/switch/pbx1/generations").glob("*.staging")) == []
    assert site.json("apply")["changed"] == []


@pytest.mark.root
def test_a_full_disk_while_staging_is_refused_and_the_configuration_before_works_on(
    site: Site, world: FarSide, tmp_path: Path
) -> None:
    generations = site.root / ".vpbx/switch/pbx1/generations"
    before, shown = live(site), name_shown(world)
    kept = tmp_path / "kept"
    shutil.copytree(generations, kept)
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in kept.rglob("*") if path.is_file())
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={used + 8 * 1024}", "tmpfs", str(generations)],
        check=True,
        timeout=10,
    )
    try:
        shutil.copytree(kept, generations, dirs_exist_ok=True)
        rename_101(site, "Анна Полная")
        line = told(site.run("apply"))
        assert "can't stage the configuration" in line and "No space left on device" in line
        assert live(site) == before
        assert list(generations.glob("*.staging")) == []
        assert name_shown(world) == shown
    finally:
        subprocess.run(["umount", "-l", str(generations)], check=True, timeout=10)
    site.vpbx("apply")
    assert name_shown(world) == "Анна Полная"


def test_a_switch_of_another_project_behind_the_same_address_is_not_touched(
    site: Site, world: FarSide, tmp_path: Path
) -> None:
    """A copied project: same AMI secrets, another systemname."""
    other = tmp_path / "other"
    shutil.copytree(site.root, other, symlinks=True, ignore=shutil.ignore_patterns("log", "run", "spool"))
    secrets = json.loads((other / ".vpbx/secrets.json").read_text())
    secrets["systemnames"]["pbx1"] = "s0000000000000000"
    (other / ".vpbx/secrets.json").write_text(json.dumps(secrets))
    before = (other / ".vpbx/switch/pbx1/etc").readlink()
    command = [str(Path(sys.executable).with_name("vpbx")), "-C", str(other), "apply"]
    line = told(subprocess.run(command, capture_output=True, text=True, timeout=60, check=False))
    assert f"the switch at {site.ami} calls itself" in line and "it isn't this project's" in line
    assert (other / ".vpbx/switch/pbx1/etc").readlink() == before
    assert name_shown(world)


def test_a_call_that_rings_while_its_tenant_changes_ends_as_the_old_steps_say_and_the_next_as_the_new(
    site: Site, world: FarSide
) -> None:
    old_s, new_s = 9, 5
    site.edit("tenants/acme.yaml", ("Дмитрий Кузнецов", f"Дмитрий Кузнецов, ring_timeout_s: {old_s}"))
    site.vpbx("apply")
    world.behave("acme102desk", farside.ring())
    ringing = len(world.calls_to("acme102desk"))
    first = world.call("acme101desk", "102")
    world.incoming("acme102desk", after=ringing)
    began = time.monotonic()
    old_steps = live_steps(site)
    site.edit("tenants/acme.yaml", (rf"ring_timeout_s: {old_s}", f"ring_timeout_s: {new_s}"))
    site.vpbx("apply")
    assert world.wait_ended(first).code == 480
    assert time.monotonic() - began >= old_s - 2
    second = world.call("acme101desk", "102")
    began = time.monotonic()
    assert world.wait_ended(second).code == 480
    assert time.monotonic() - began <= old_s - 1
    assert old_steps in retired_steps(site)
    new_steps = live_steps(site)
    site.edit("tenants/acme.yaml", (rf", ring_timeout_s: {new_s}", ""))
    site.vpbx("apply")
    assert retired_steps(site) == [new_steps]
    assert site.rx(f"dialplan show {old_steps}").startswith("There is no existence of")
    assert f"Context '{new_steps}'" in site.rx(f"dialplan show {new_steps}")


def live_steps(site: Site) -> str:
    """The context of acme's steps that a new call comes into."""
    manifest = json.loads((site.root / ".vpbx/switch/pbx1/etc/generation.json").read_text())
    return f"acme-steps.{manifest['tenants']['acme']['steps']}"


def retired_steps(site: Site) -> list[str]:
    """Contexts of acme's that are kept for calls that may be in them."""
    files = (site.root / ".vpbx/switch/pbx1/etc/dialplan/retired").glob("acme.*")
    return re.findall(r"^\[(acme-steps\.\w+)\]", "".join(file.read_text() for file in files), re.MULTILINE)


def test_a_new_phone_registers_shows_on_a_colleagues_key_and_rings_in_its_department(
    site: Site, world: FarSide
) -> None:
    newcomer = HIRED.replace("108", "109")
    [secretary] = site.phones("acme", ("104",))
    site.edit("tenants/acme.yaml", (LAST, LAST + newcomer), (r"members: \[.*\]", 'members: ["109"]'))
    assert site.json("apply")["reloaded"] == []
    with Panel(secretary, PHONES_HOST, site.sip) as panel:
        lamp, presence = panel.subscribe("109"), panel.subscribe("109", "presence")
        assert (lamp.code, presence.code) == (200, 200)
        presence.wait("closed", 5)
        with site.far_side(*site.phones("acme", ("109",)), name="keys") as far:
            far.behave("acme109desk", farside.answer(ring_s=0.5))
            far.wait_registered()
            registered = time.monotonic()
            assert presence.wait("open", 10) - registered < SOON_S
            assert lamp.state == "terminated"
            call = world.call(CARRIER, DEPARTMENT, from_number=CALLER)
            called = time.monotonic()
            assert lamp.wait("early", 10) - called < SOON_S
            world.wait_answered(call)
            lamp.wait("confirmed", 10)
            world.hang_up(call)
            lamp.wait("terminated", 10)
    assert [state for _, state in lamp.states if state != "terminated"] == ["early", "confirmed"]
    site.edit("tenants/acme.yaml", (newcomer, ""), (r"members: \[.*\]", 'members: ["102"]'))
    site.vpbx("apply")


def test_a_removed_phones_registration_goes_with_it(site: Site, world: FarSide) -> None:
    newcomer = HIRED.replace("108", "109")
    site.edit("tenants/acme.yaml", (LAST, LAST + newcomer))
    site.vpbx("apply")
    assert "State:Unavailable" in site.rx("core show hint 109")
    with site.far_side(*site.phones("acme", ("109",)), name="leaver") as far:
        far.wait_registered()
        site.until(lambda: "State:Idle" in site.rx("core show hint 109"), "the key shows the phone", 10)
        [account] = site.phones("acme", ("109",))
        assert account.endpoint in site.rx("database show registrar/contact")
        site.edit("tenants/acme.yaml", (newcomer, ""))
        site.vpbx("apply")
        site.edit("tenants/acme.yaml", (LAST, LAST + newcomer))
        site.vpbx("apply")
        assert site.phones("acme", ("109",)) == [account]
        gone = "State:Unavailable"
        site.until(lambda: gone in site.rx("core show hint 109"), "its registration went with it", 60)
        assert account.endpoint not in site.rx("database show registrar/contact")
    site.edit("tenants/acme.yaml", (newcomer, ""))
    site.vpbx("apply")


def test_a_tenant_that_goes_while_nobody_knows_what_the_switch_has_leaves_no_phone_behind(site: Site) -> None:
    (site.root / ".vpbx/switch/pbx1/running.json").unlink()
    site.edit("tenants/beta.yaml", (r"tariff: master", "tariff: master\nservice: disconnected"))
    site.vpbx("apply")
    rows = PhoneRows(site.root / ".vpbx/switch/pbx1/lib/phones.sqlite3")
    assert {tenant for tenant, _ in rows.marks().values()} == {"acme"}
    site.edit("tenants/beta.yaml", (r"\nservice: disconnected", ""))
    site.vpbx("apply")
    assert {tenant for tenant, _ in rows.marks().values()} == {"acme", "beta"}


def test_an_apply_that_dies_before_it_is_confirmed_goes_back_by_itself(site: Site, world: FarSide) -> None:
    shown, name = name_shown(world), "Анна Непринятая"
    rename_101(site, name)
    before = live(site)
    assert apply_by(site, "-", "after", 5, "--confirm-within", "600").returncode == -signal.SIGKILL
    site.until(lambda: live(site) == before, "the generation before is live again", 60)
    site.until(lambda: name_shown(world) == shown, "calls show it", 30)
    site.until(lambda: json.loads(site.run("plan", "--json").stdout)["drift"] == [], "all of it is undone")
    rename_101(site, shown)
    assert site.json("apply")["changed"] == []


def test_a_hung_switch_is_told_in_one_line_and_nothing_is_half_done(site: Site, world: FarSide) -> None:
    before, shown = live(site), name_shown(world)
    rename_101(site, "Анна Застывшая")
    os.kill(site.pid, signal.SIGSTOP)
    try:
        line = told(site.run("apply"))
    finally:
        os.kill(pid_of(site), signal.SIGCONT)
    assert "AMI" in line or "no answer" in line, line
    assert live(site) == before
    assert name_shown(world) == shown
    site.vpbx("apply")


def pid_of(site: Site) -> int:
    """Without asking the switch, which may hang."""
    return int((site.root / ".vpbx/switch/pbx1/run/vpbx.pid").read_text())

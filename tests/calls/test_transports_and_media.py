"""What SIP and speech are carried in: TCP, TLS with SRTP, codecs, NAT, certificates, on the real switch."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from harness import farside, media
from harness.farside import CARRIER, Call, FarSide, Phone
from harness.farside_config import Secure
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from harness.site import CARRIER_HOST, PHONES_HOST, SWITCH_HOST, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.model.platform import Address
from orchestrator.project import Project
from orchestrator.secrets import AMI_CONTROL, Secrets

pytestmark = pytest.mark.switch

MOBILE, CALLER, DIRECT = "+79161112233", "+79035556677", "+74951112234"
NEAR_HOST, EXTERNAL = "127.0.0.4", "203.0.113.5"
"""A peer inside the local networks; the carrier's address is outside."""
KNOWN = 0.4
"""A score above it: the voice. Opus changes the wave more than others do; another voice scores about 0.1."""
RELOADED = ["res_pjsip.so", "res_pjsip_outbound_registration.so"]
CRYPTO = "\n      a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0"


@dataclass(frozen=True)
class World:
    """Args: tls: where the switch takes TLS. plan: of the change that brought the listeners.

    survived: a call that was up then went on.
    """

    site: Site
    far: FarSide
    ports: PortBlock
    tls: Address
    plan: dict[str, list[str]]
    survived: bool


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[World]:
    """The example tenants, first as they are, then, with a call up, with everything that this is about."""
    root = tmp_path_factory.mktemp("media") / "project"
    with PortBlock() as ports, Site(root, asterisk) as site:
        site.start()
        with site.far_side(*site.phones("acme", ("101", "102")), name="before") as before:
            before.wait_registered()
            before.behave("acme102desk", farside.answer())
            call = before.call("acme101desk", "102")
            before.wait_answered(call)
            tcp, tls = Address(SWITCH_HOST, site.sip.port), Address(SWITCH_HOST, ports.port())
            widen(site, tcp, tls)
            plan = planned(site)
            site.vpbx("apply")
            survived = not before.has_ended(call) and "1 active call" in site.rx("core show channels count")
            before.hang_up(call)
        own = certificate(root.parent, "phones", PHONES_HOST)
        trusts = root / ".vpbx/tls/pbx1.pem"
        secure = Secure(*own, Address(PHONES_HOST, ports.port()), tls, trusts)
        with site.far_side(*phones(site), secure=secure) as far:
            far.wait_registered()
            yield World(site, far, ports, tls, plan, survived)


def widen(site: Site, tcp: Address, tls: Address) -> None:
    """TCP, TLS and NAT for the node; codecs for one tenant, encryption and recording for the other."""
    site.edit(
        "platform.yaml",
        (
            r"( +)(sip: \S+)",
            "    sip: "
            + f"{site.sip}\n    tcp: {tcp}\n    tls: {{address: {tls}}}\n    external_address: {EXTERNAL}\n"
            + f"    local_networks: [{PHONES_HOST}/32, {NEAR_HOST}/32]",
        ),
        (r"match: \[.*\]", f"match: [{CARRIER_HOST}, {NEAR_HOST}]"),
    )
    acme, beta = (site.root / "tenants" / f"{name}.yaml" for name in ("acme", "beta"))
    acme.write_text(acme.read_text() + "\ncodecs: [opus, g722, alaw]\n")
    beta.write_text(beta.read_text() + "\nencryption: required\noptions: [recording]\n")


def phones(site: Site) -> list[Phone]:
    """By TCP, by UDP with one codec each, and where encryption is required: as they must be and not."""
    desk, second, third = (site.phones("acme", (extension,))[0] for extension in ("101", "102", "103"))
    first, other = site.phones("beta", ("101", "102"))
    return [
        replace(desk, transport="tcp"),
        replace(second, codecs=("g722",)),
        replace(third, codecs=("opus",)),
        replace(first, transport="tls", srtp=True),
        replace(other, transport="tls", srtp=True),
        replace(first, name="readable", srtp=True, registers=False),
        replace(first, name="plain", transport="tls", registers=False),
    ]


def certificate(directory: Path, name: str, host: str) -> tuple[Path, Path]:
    """A self-signed pair, as an operator makes one."""
    made, key = directory / f"{name}.pem", directory / f"{name}.key"
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    out = ("-keyout", str(key), "-out", str(made), "-days", "90", "-subj", f"/CN={host}")
    told = ("-addext", f"subjectAltName=IP:{host}")
    subprocess.run(["openssl", *new, *out, *told], check=True, capture_output=True, timeout=30)
    return made, key


def planned(site: Site) -> dict[str, list[str]]:
    result = site.run("plan")
    assert result.returncode == 2, result.stderr
    told = site.run("plan", "--json").stdout
    return dict(json.loads(told))


def channel_says(site: Site, variable: str) -> set[str]:
    """A variable or function, of every channel that is up."""
    secret = Secrets.open(Project(site.root).secrets_file).ami(site.node, AMI_CONTROL)

    async def ask() -> set[str]:
        async with AmiSwitch(AmiLogin(site.ami.host, site.ami.port, AMI_CONTROL, secret)) as switch:
            return {
                await switch.channel_variable(channel.uniqueid, variable)
                for channel in await switch.channels()
            }

    return asyncio.run(ask())


def last_leg(site: Site, tenant: str) -> dict[str, object]:
    site.vpbx("reconcile")
    [leg] = site.json("calls", "list", tenant, "--limit", "1")["calls"]
    return dict(leg)


@pytest.fixture
def voices(tmp_path: Path) -> tuple[Path, Path]:
    return (
        media.write_wav(tmp_path / "inside.wav", media.voice(1)),
        media.write_wav(tmp_path / "outside.wav", media.voice(2)),
    )


@dataclass(frozen=True)
class Talk:
    """A call that is up, in which both speak. Args: heard: files of the caller and of the callee."""

    world: World
    call: Call
    heard: tuple[Path, Path]

    def end(self) -> None:
        """Hang up; each must have heard the other."""
        self.world.far.hang_up(self.call)
        assert media.hear_file(self.heard[0], media.voice(2)).score > KNOWN
        assert media.hear_file(self.heard[1], media.voice(1)).score > KNOWN


def talk(world: World, phone: str, number: str, other: str, voices: tuple[Path, Path]) -> Talk:
    far, (inside, outside) = world.far, voices
    after = len(far.calls_to(other))
    far.behave(other, farside.answer(outside))
    call = far.call(phone, number, say=inside)
    heard = (far.wait_answered(call), far.wait_answered(far.incoming(other, after=after)))
    enough = 3 * 2 * media.RATE
    world.site.until(
        lambda: all(each.exists() and each.stat().st_size > enough for each in heard), "they talk for 3 s", 20
    )
    return Talk(world, call, heard)


def test_listeners_are_added_by_a_reload_under_a_running_call(world: World) -> None:
    assert world.survived
    assert (world.plan["reloads"], world.plan["restart_needed"]) == (RELOADED, [])


def test_a_phone_by_tcp_calls(world: World, voices: tuple[Path, Path]) -> None:
    talk(world, "acme101desk", "102", "acme102desk", voices).end()
    assert "transport=TCP" in world.site.rx("database show registrar")


def test_two_phones_of_a_tenant_that_requires_encryption_talk_by_tls_and_srtp(
    world: World, voices: tuple[Path, Path]
) -> None:
    talking = talk(world, "beta101desk", "102", "beta102desk", voices)
    assert channel_says(world.site, "CHANNEL(rtp,secure)") == {"1"}
    assert channel_says(world.site, "CHANNEL(pjsip,secure)") == {"1"}
    talking.end()


@pytest.mark.parametrize(("number", "direction"), [("102", "internal"), (MOBILE, "out")])
def test_sip_that_is_not_tls_is_refused_and_told_in_the_record(
    world: World, number: str, direction: str
) -> None:
    ended = world.far.wait_ended(world.far.call("readable", number))
    assert (ended.code, ended.heard) == (403, None)
    leg = last_leg(world.site, "beta")
    assert (leg["decision"], leg["direction"], leg["to"]) == ("insecure", direction, number)


def test_a_contact_that_only_says_tls_does_not_help(world: World, tmp_path: Path) -> None:
    account = world.far.phones["readable"]
    own = Address(NEAR_HOST, world.ports.port())
    row = Row(account.endpoint, "102", secret=account.secret)
    lying = {"contact_more": ";transport=tls", "profile": "RTP/SAVP", "media_more": CRYPTO}
    [seen] = Sipp(tmp_path / "s", "uac_invite", own, world.site.sip, [row], **lying).run()
    assert seen.code == 403


def test_speech_in_the_clear_is_refused(world: World) -> None:
    ended = world.far.wait_ended(world.far.call("plain", "102"))
    assert (ended.code, ended.heard) == (488, None)


def test_an_encrypted_call_to_a_plain_trunk_is_recorded_as_sound(
    world: World, voices: tuple[Path, Path]
) -> None:
    recorded("beta", talk(world, "beta101desk", MOBILE, CARRIER, voices))


@pytest.mark.parametrize(("phone", "codec"), [("acme102desk", "g722"), ("acme103desk", "opus")])
def test_a_phone_with_another_codec_than_the_trunk_is_translated_and_recorded(
    world: World, voices: tuple[Path, Path], phone: str, codec: str
) -> None:
    talking = talk(world, phone, MOBILE, CARRIER, voices)
    assert channel_says(world.site, "CHANNEL(audionativeformat)") == {f"({codec})", "(alaw)"}
    recorded("acme", talking)


def recorded(tenant: str, talking: Talk) -> None:
    """Its recording has each party on its side, as sound."""
    site = talking.world.site

    def complete() -> set[str]:
        items = site.json("recordings", "list", tenant)["recordings"]
        return {item["file"] for item in items if item["state"] == "complete"}

    known = complete()
    talking.end()
    site.until(lambda: complete() > known, "the recording is complete", 20)
    [file] = (Path(file) for file in complete() - known)
    assert media.hear_file(file, media.voice(2), 0).score > KNOWN
    assert media.hear_file(file, media.voice(1), 1).score > KNOWN
    assert media.hear_file(file, media.voice(1), 0).score < KNOWN


@pytest.mark.parametrize(("host", "told"), [(CARRIER_HOST, EXTERNAL), (NEAR_HOST, SWITCH_HOST)])
def test_a_peer_outside_the_local_networks_is_told_the_external_address(
    world: World, tmp_path: Path, host: str, told: str
) -> None:
    world.far.behave("acme101desk", farside.answer())
    own = Address(host, world.ports.port())
    log = tmp_path / "s/messages.log"

    def answers() -> list[str]:
        return re.findall(
            r"^SIP/2.0 200 OK\r?\n.*?CSeq: 1 INVITE.*?(?=\n-{20})", log.read_text(), re.S | re.M
        )

    with Sipp(tmp_path / "s", "uac_invite", own, world.site.sip, [Row(CALLER, DIRECT)], talk_ms=300):
        world.site.until(lambda: bool(answers()), "it is answered")
    [answer] = answers()[:1]
    assert re.findall(r"^Contact: <sip:(?:[^@]*@)?([\d.]+)", answer, re.M) == [told]
    assert re.findall(r"^c=IN IP4 (\S+)", answer, re.M) == [told]


def shown(address: Address) -> str:
    """SHA-256 of the certificate that a new connection gets."""
    text = ssl.get_server_certificate((address.host, address.port), timeout=5)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()


def test_a_replaced_certificate_is_shown_to_new_connections_after_an_apply(
    world: World, tmp_path: Path
) -> None:
    site = world.site
    files = [site.root / ".vpbx/tls" / name for name in ("pbx1.pem", "pbx1.key")]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o644, 0o600]
    before = shown(world.tls)
    world.far.behave("beta102desk", farside.answer())
    call = world.far.call("beta101desk", "102")
    world.far.wait_answered(call)
    for file, new in zip(files, certificate(tmp_path, "new", SWITCH_HOST), strict=True):
        file.write_bytes(new.read_bytes())
    plan = planned(site)
    assert (plan["reloads"], plan["restart_needed"]) == (RELOADED, [])
    assert shown(world.tls) == before
    site.vpbx("apply")
    wanted = hashlib.sha256(ssl.PEM_cert_to_DER_cert(files[0].read_text())).hexdigest()
    assert shown(world.tls) == wanted != before
    assert not world.far.has_ended(call)
    world.far.hang_up(call)
    assert site.run("plan").returncode == 0
    assert "Error parsing" not in (site.root / ".vpbx/switch/pbx1/log/messages").read_text()


def test_a_moved_udp_listener_waits_for_a_restart_and_the_plan_says_so(world: World) -> None:
    site = world.site
    kept = (site.root / "platform.yaml").read_text()
    site.edit("platform.yaml", (r"sip: \S+", f"sip: {Address(SWITCH_HOST, world.ports.port())}"))
    assert planned(site)["restart_needed"] == ["pjsip.conf [udp]"]
    (site.root / "platform.yaml").write_text(kept)


def test_a_tls_listener_moves_by_a_reload(world: World) -> None:
    moved = Address(SWITCH_HOST, world.ports.port())
    world.site.edit("platform.yaml", (re.escape(str(world.tls)), str(moved)))
    assert planned(world.site)["restart_needed"] == []
    world.site.vpbx("apply")
    assert shown(moved)

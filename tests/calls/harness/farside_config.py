"""The configuration of the far side's own Asterisk: one endpoint for each phone, one for the carrier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.platform import Address

CARRIER = "carrier"
_MODULES = Path(__file__).with_name("farside_modules.conf")
AMI_USER, AMI_SECRET = "test", "test"
"""Of the far side's own Asterisk: on loopback, for the length of a test."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone's account on the switch under test.

    Args: name: what tests call it, letters and digits. endpoint, secret: what it registers with.
    registers: False for one that only places calls. transport: `udp`, `tcp` or `tls`. srtp: it encrypts
    speech, and takes no other. codecs: that it speaks, in order. expiration_s: of its registration.
    """

    name: str
    endpoint: str
    secret: str
    registers: bool = True
    transport: str = "udp"
    srtp: bool = False
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    expiration_s: int = 120


@dataclass(frozen=True, slots=True)
class Secure:
    """What the far side needs for TLS. Args: certificate, key: its own, PEM. pbx: the switch's TLS listener.

    own: its own. trusts: PEM file of certificates that the switch's is verified by.
    """

    certificate: Path
    key: Path
    own: Address
    pbx: Address
    trusts: Path


@dataclass(frozen=True, slots=True)
class Carrier:
    """The operator at the other end of the trunk.

    Args: address: its own, e.g. 127.0.0.9: the switch knows it by that. sources: addresses of the switch.
    username, secret: an account that the switch registers with; empty for a trunk by address. transport,
    srtp, codecs: as of a phone.
    """

    address: Address
    sources: tuple[str, ...]
    username: str = ""
    secret: str = ""
    transport: str = "udp"
    srtp: bool = False
    codecs: tuple[str, ...] = ("alaw", "ulaw")


def files(
    pbx: Address,
    phones: Sequence[Phone],
    own: Address,
    carrier: Carrier | None,
    ami_port: int,
    rtp: tuple[int, int],
    heard: Path,
    secure: Secure | None = None,
) -> Mapping[str, str]:
    """Every configuration file by name. Args: own: address of the phones. heard: where recordings go."""
    made = {
        "modules.conf": _MODULES.read_text(encoding="ascii"),
        "logger.conf": "[general]\nappendhostname = no\n[logfiles]\nmessages = notice,warning,error\n",
        "manager.conf": _manager(own, ami_port),
        "rtp.conf": f"[general]\nrtpstart = {rtp[0]}\nrtpend = {rtp[1]}\nstrictrtp = no\n",
        "pjsip.conf": _pjsip(pbx, phones, own, carrier, secure),
        "extensions.conf": _dialplan(pbx, heard),
    }
    for empty in ("cdr", "cel", "features", "acl", "udptl", "stasis", "ccss", "indications", "pjproject"):
        made[f"{empty}.conf"] = "[general]\n"
    made["cdr.conf"] = "[general]\nenable = no\n"
    return made


def _manager(own: Address, port: int) -> str:
    return (
        f"[general]\nenabled = yes\nport = {port}\nbindaddr = {own.host}\n"
        f"[{AMI_USER}]\nsecret = {AMI_SECRET}\nread = user,call\nwrite = all\n"
        "eventfilter = Event: UserEvent\neventfilter = Event: Hangup\n"
    )


def _endpoint(name: str, transport: str, host: str, *lines: str) -> str:
    return "\n".join(
        [
            f"[{name}]\ntype = endpoint\ntransport = {transport}\ncontext = incoming\naors = {name}",
            f"media_address = {host}\nbind_rtp_to_media_address = yes",
            "direct_media = no\nrtp_symmetric = yes",
            "send_pai = no\ntrust_id_inbound = yes\nrewrite_contact = yes",
            *lines,
            "",
        ]
    )


def _media(speaker: Phone | Carrier) -> str:
    """Codecs and encryption of a phone or the carrier."""
    srtp = "\nmedia_encryption = sdes" if speaker.srtp else ""
    return f"disallow = all\nallow = {','.join(speaker.codecs)}{srtp}"


def _transports(phones: Sequence[Phone], own: Address, secure: Secure | None) -> str:
    text = f"[phones-udp]\ntype = transport\nprotocol = udp\nbind = {own}\n"
    if any(phone.transport == "tcp" for phone in phones):
        text += f"[phones-tcp]\ntype = transport\nprotocol = tcp\nbind = {own}\n"
    if secure is not None:
        text += (
            f"[phones-tls]\ntype = transport\nprotocol = tls\nbind = {secure.own}\nmethod = tlsv1_2\n"
            f"cert_file = {secure.certificate}\npriv_key_file = {secure.key}\n"
            f"ca_list_file = {secure.trusts}\nverify_server = yes\n"
        )
    return text


def _pjsip(
    pbx: Address, phones: Sequence[Phone], own: Address, carrier: Carrier | None, secure: Secure | None
) -> str:
    text = "[global]\ntype = global\nuser_agent = far-side\nendpoint_identifier_order = username,ip\n"
    text += _transports(phones, own, secure)
    for phone in phones:
        to = server(pbx, secure, phone.transport)
        auth = f"[{phone.name}-auth]\ntype = auth\nauth_type = userpass\n"
        text += f"{auth}username = {phone.endpoint}\npassword = {phone.secret}\n"
        text += f"[{phone.name}]\ntype = aor\nmax_contacts = 1\n"
        text += _endpoint(
            *(phone.name, f"phones-{phone.transport}", own.host),
            _media(phone),
            f"outbound_auth = {phone.name}-auth\nfrom_user = {phone.endpoint}\nfrom_domain = {pbx.host}",
            f"set_var = PHONE={phone.name}",
        )
        if phone.registers:
            text += (
                f"[{phone.name}]\ntype = registration\ntransport = phones-{phone.transport}\n"
                f"outbound_auth = {phone.name}-auth\ncontact_user = {phone.name}\n"
                f"server_uri = sip:{to}\nclient_uri = sip:{phone.endpoint}@{to}\n"
                f"line = yes\nendpoint = {phone.name}\nretry_interval = 1\nforbidden_retry_interval = 1\n"
                "auth_rejection_permanent = no\nmax_random_initial_delay = 0\n"
                f"expiration = {phone.expiration_s}\n"
            )
    return text + (_carrier(carrier, secure) if carrier is not None else "")


def server(pbx: Address, secure: Secure | None, transport: str) -> str:
    """Where a phone reaches the switch by a transport: host, port and what a URI needs besides."""
    if transport == "tls":
        assert secure is not None, "TLS needs certificates"
        pbx = secure.pbx
    return str(pbx) if transport == "udp" else f"{pbx}\\;transport={transport}"


def _carrier(carrier: Carrier, secure: Secure | None) -> str:
    text = f"[{CARRIER}]\ntype = transport\nprotocol = {carrier.transport}\nbind = {carrier.address}\n"
    if carrier.transport == "tls":
        assert secure is not None, "TLS needs certificates"
        text += f"cert_file = {secure.certificate}\npriv_key_file = {secure.key}\nmethod = tlsv1_2\n"
    text += f"[{CARRIER}]\ntype = aor\n"
    text += _endpoint(CARRIER, CARRIER, carrier.address.host, _media(carrier), f"set_var = PHONE={CARRIER}")
    text += f"[{CARRIER}]\ntype = identify\nendpoint = {CARRIER}\n"
    text += "".join(f"match = {source}\n" for source in carrier.sources)
    if carrier.username:
        name = carrier.username
        text += (
            f"[{name}]\ntype = auth\nauth_type = userpass\nusername = {name}\npassword = {carrier.secret}\n"
        )
        text += f"[{name}]\ntype = aor\nmax_contacts = 1\nremove_existing = yes\n"
        text += _endpoint(
            *(name, CARRIER, carrier.address.host),
            _media(carrier),
            f"auth = {name}\nset_var = PHONE={CARRIER}",
        )
    return text


def _dialplan(pbx: Address, heard: Path) -> str:
    """What a phone or the carrier does is read at the call: DB(do/<phone>/<number>), else DB(do/<phone>).

    The value: action, hangup cause, seconds of ringing, file to play or number to forward to, seconds to stay
    answered.
    """
    told = "Phone: ${PHONE}"
    caller = (
        "Number: ${EXTEN},From: ${CALLERID(num)},Name: ${CALLERID(name)},Diversion: ${REDIRECTING(from-num)},"
        "Reason: ${REDIRECTING(reason)},Header: ${PJSIP_HEADER(read,Diversion)}"
    )
    return f"""\
[incoming]
; A call of the switch. EXTEN is the phone's name, or for the carrier the number that is called.
exten => _[+*#a-zA-Z0-9]!,1,UserEvent(Incoming,{told},{caller})
 same => n,Set(DO=${{DB(do/${{PHONE}}/${{EXTEN}})}})
 same => n,ExecIf($["${{DO}}" = ""]?Set(DO=${{DB(do/${{PHONE}})}}))
 same => n,Set(ARRAY(ACTION,CAUSE,RING,SEND,STAY)=${{DO}})
 same => n,GotoIf($["${{ACTION}}" = "reject" & "${{RING}}" = "0"]?reject)
 same => n,ExecIf($["${{ACTION}}" = "forward"]?Transfer(PJSIP/sip:${{SEND}}@{pbx}))
 same => n,Ringing()
 same => n,Wait(${{RING}})
 same => n,GotoIf($["${{ACTION}}" = "answer"]?talk,s,1)
 same => n,GotoIf($["${{ACTION}}" = "reject"]?reject)
 same => n,Wait(600)
 same => n(reject),Hangup(${{CAUSE}})
exten => h,1,NoOp(the pattern above would take it for another call)

[talk]
; An answered call, of either direction: hear, speak, stay as long as told.
exten => s,1,Answer()
 same => n,Set(HEARD={heard}/${{PHONE}}-${{UNIQUEID}}.wav)
 same => n,MixMonitor({heard}/${{PHONE}}-${{UNIQUEID}}-both.wav,r(${{HEARD}}))
 same => n,ExecIf($["${{STAY}}" != "0"]?Set(TIMEOUT(absolute)=${{STAY}}))
 same => n,UserEvent(Answered,{told},Heard: ${{HEARD}})
 same => n(again),GotoIf($["${{SEND}}" = ""]?quiet)
 same => n,Playback(${{SEND}})
 same => n,Goto(again)
 same => n(quiet),Wait(3600)
exten => T,1,Hangup(16)

[transfer]
; A phone's answered call is sent here: REFER to EXTEN.
exten => _[+*#0-9]!,1,Transfer(PJSIP/sip:${{EXTEN}}@{pbx})
 same => n,UserEvent(Transferred,{told},Status: ${{TRANSFERSTATUS}},Code: ${{TRANSFERSTATUSPROTOCOL}})
 same => n,ExecIf($["${{TRANSFERSTATUS}}" = "SUCCESS"]?Hangup(16))
 same => n,Wait(600)
"""

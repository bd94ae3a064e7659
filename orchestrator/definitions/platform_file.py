"""`platform.yaml`: nodes, trunks, dial classes, limits, and what tenants get that say nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.definitions import media, network, scalars
from orchestrator.definitions.connections import NODE, TRUNK
from orchestrator.definitions.least_cost import DEFAULT_ORDER
from orchestrator.definitions.parties import COMPANY
from orchestrator.definitions.recording_store import DIRECTORY, STORE_RECORDINGS
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Defaults, Field, ListOf, Surroundings
from orchestrator.definitions.smtp import SMTP
from orchestrator.model.platform import CallLimits, DialClass, Platform, Storage

LOCAL = "local"
"""The dial class of the tenant's own area. It has no prefixes: routing takes them from the caller ID."""

SHIPPED_CLASSES = (
    DialClass("international", ("+", "+76", "+77", "+7840", "+7940")),
    DialClass(LOCAL, ()),
    DialClass("mobile", ("+79",)),
    DialClass("national", ("+7", "+7800")),
    DialClass("premium", ("+7803", "+7809")),
)
"""Of Russia. +76 and +77 are Kazakhstan, +7840 and +7940 Abkhazia: calls abroad behind the same code."""


@dataclass(frozen=True, slots=True)
class PlatformFile:
    """What the platform file says, before it is checked against the others."""

    platform: Platform
    defaults: Defaults

    @property
    def surroundings(self) -> Surroundings:
        """What the other files of its project depend on."""
        platform = self.platform
        return Surroundings(
            platform.region or "RU", platform.time_zone, self.defaults, platform.language or "ru"
        )


EMERGENCY_NUMBER = scalars.matching(
    "an emergency number", "[0-9]{2,6}", "emergency", "2 to 6 digits", numeric=True
)
CLASS_NAME = scalars.slug("a dial class")
CLASS_PREFIX = scalars.matching(
    "a prefix", r"\+[0-9]{0,14}", "prefix", "`+` and the first digits of E.164, for example +79", numeric=True
)

LIMITS = (
    RTP_TIMEOUT := Field(
        "rtp_timeout_s",
        scalars.seconds(5, 3600),
        "A call without speech packets ends after this.",
        "60",
        default=60,
    ),
    RTP_HOLD_TIMEOUT := Field(
        "rtp_hold_timeout_s", scalars.seconds(5, 86400), "The same for a held call.", "600", default=600
    ),
    SESSION_EXPIRES := Field(
        "session_expires_s", scalars.seconds(90, 86400), "SIP session timer, RFC 4028.", "1800", default=1800
    ),
    LONGEST_CALL := Field(
        "longest_call_s",
        scalars.seconds(60, 86400),
        "The switch ends a call at this length.",
        "14400",
        default=14400,
    ),
    LONGEST_PROMPT := Field(
        "longest_prompt_s",
        scalars.seconds(5, 86400),
        "A prompt may last so long; music isn't bounded by it.",
        "600",
        default=600,
    ),
)


def _limits(given: Converted) -> CallLimits:
    return CallLimits(
        rtp_timeout_s=given[RTP_TIMEOUT],
        rtp_hold_timeout_s=given[RTP_HOLD_TIMEOUT],
        session_expires_s=given[SESSION_EXPIRES],
        longest_call_s=given[LONGEST_CALL],
        longest_prompt_s=given[LONGEST_PROMPT],
    )


DEFAULT_NODE = Field(
    "node", scalars.slug("a node's name"), "Home node of a tenant that names none.", "pbx1", "", "none"
)
DEFAULT_TRUNK = Field(
    "trunk", scalars.slug("a trunk's name"), "Trunk of a tenant that names none.", "main", "", "none"
)
DEFAULT_TRUNKS = Field(
    "trunks",
    ListOf(scalars.slug("a trunk's name"), at_least=1),
    "In place of `trunk`: several, the first that takes the call.",
    "[main, reserve]",
    default=(),
    default_text="none",
)
DEFAULT_TARIFF = Field(
    "tariff", scalars.slug("a tariff's name"), "Tariff of a tenant that names none.", "master", "", "none"
)
DEFAULT_RING = Field(
    "ring_timeout_s",
    scalars.seconds(5, 300),
    "How long a phone rings.",
    "30",
    default=Defaults().ring_timeout_s,
)
DEFAULT_CLASSES = Field(
    "dial_classes",
    ListOf(CLASS_NAME),
    "What may be dialled outside. `international` and `premium` are only given tenant by tenant.",
    "[local, national, mobile]",
    default=Defaults().dial_classes,
    default_text="[local, national, mobile]",
)


def _defaults(given: Converted) -> Defaults:
    return Defaults(
        node=given[DEFAULT_NODE],
        trunks=given[DEFAULT_TRUNKS] or tuple(name for name in (given[DEFAULT_TRUNK],) if name),
        tariff=given[DEFAULT_TARIFF],
        ring_timeout_s=given[DEFAULT_RING],
        dial_classes=tuple(sorted(given[DEFAULT_CLASSES])),
        trunk_order=given[DEFAULT_ORDER],
    )


STORE_DATABASE = Field(
    "database",
    network.database_url(),
    "SQLAlchemy URL of the ledger; a relative SQLite path is in the project. No password: use PGPASSFILE.",
    "sqlite:///.vpbx/vpbx.db",
    default="sqlite:///.vpbx/vpbx.db",
)


def _storage(given: Converted) -> Storage:
    where = given[STORE_RECORDINGS]
    return Storage(given[STORE_DATABASE], where.directory, where.store)


VERSION = Field(
    "version", scalars.choice("a version of this file's form", ("1",), "version"), "Form of the file.", "1"
)
NAME = Field("name", scalars.slug("a name"), "Name of the platform.", "demo")
REGION = Field(
    "region",
    scalars.choice("a known region", ("RU",)),
    "How numbers are dialled: 8XXXXXXXXXX and ten digits are read as +7.",
    "RU",
    default="RU",
)
TIME_ZONE = Field(
    "time_zone", scalars.time_zone(), "For tenants that name none.", "Europe/Moscow", default="Europe/Moscow"
)
LANGUAGE = Field(
    "language", scalars.choice("a known language", ("ru", "en")), "Language of prompts.", "ru", default="ru"
)
EMERGENCY = Field(
    "emergency",
    ListOf(EMERGENCY_NUMBER),
    "Numbers that always go through; no extension may equal one.",
    '["112"]',
    default=("112",),
    default_text='["112"]',
)
CODECS = Field(
    "codecs",
    media.CODECS,
    "In order of preference, of trunks and of phones whose tenant names none.",
    "[alaw, ulaw]",
    default=("alaw", "ulaw"),
    default_text="[alaw, ulaw]",
)
LIMITS_FIELD = Field(
    "limits",
    Record("the limits", LIMITS, _limits),
    "No call hangs for ever.",
    default=CallLimits(60, 600, 1800, 14400),
    default_text="as below",
)
DIAL_CLASSES = Field(
    "dial_classes",
    MapOf(CLASS_NAME, ListOf(CLASS_PREFIX, at_least=1)),
    "Classes of destinations by E.164 prefix; the longest prefix of all classes wins. A class named here "
    "replaces the shipped one of that name. `local` is the tenant's own area and has no prefixes.",
    "{mobile: ['+79']}",
    default=(),
    default_text="; ".join(
        f"{each.name}: {', '.join(each.prefixes)}" for each in SHIPPED_CLASSES if each.prefixes
    ),
)
NODES = Field(
    "nodes", MapOf(scalars.slug("a node's name"), NODE, at_least=1, at_most=100), "Switches.", "{pbx1: {…}}"
)
TRUNKS = Field(
    "trunks",
    MapOf(scalars.slug("a trunk's name"), TRUNK, at_least=1, at_most=500),
    "Connections to operators.",
    "{main: {…}}",
)
DEFAULTS = Field(
    "defaults",
    Record(
        "the defaults",
        (
            DEFAULT_NODE,
            DEFAULT_TRUNK,
            DEFAULT_TRUNKS,
            DEFAULT_ORDER,
            DEFAULT_TARIFF,
            DEFAULT_RING,
            DEFAULT_CLASSES,
        ),
        _defaults,
    ),
    "What tenants get that say nothing themselves.",
    default=Defaults(),
    default_text="as below",
)
STORAGE = Field(
    "storage",
    Record("the storage", (STORE_DATABASE, STORE_RECORDINGS), _storage),
    "Where the ledger and the recordings lie.",
    default=Storage("sqlite:///.vpbx/vpbx.db", DIRECTORY),
    default_text="as below",
)


def _platform(given: Converted) -> PlatformFile:
    platform = Platform(
        name=given[NAME],
        region=given[REGION],
        time_zone=given[TIME_ZONE],
        language=given[LANGUAGE],
        emergency=given[EMERGENCY],
        codecs=given[CODECS],
        limits=given[LIMITS_FIELD],
        dial_classes=_all_classes(given[DIAL_CLASSES]),
        nodes={entry.key: entry.value for entry in given[NODES]},
        trunks={entry.key: entry.value for entry in given[TRUNKS]},
        storage=given[STORAGE],
        smtp=given[SMTP],
        company=given[COMPANY],
        position=given.position,
    )
    return PlatformFile(platform, given[DEFAULTS])


def _all_classes(own: tuple[Entry[tuple[str, ...]], ...]) -> tuple[DialClass, ...]:
    classes = {shipped.name: shipped for shipped in SHIPPED_CLASSES}
    classes |= {entry.key: DialClass(entry.key, tuple(sorted(entry.value))) for entry in own}
    return tuple(classes[name] for name in sorted(classes))


PLATFORM = Record(
    "a platform",
    (
        VERSION,
        NAME,
        REGION,
        TIME_ZONE,
        LANGUAGE,
        EMERGENCY,
        CODECS,
        LIMITS_FIELD,
        DIAL_CLASSES,
        NODES,
        TRUNKS,
        DEFAULTS,
        STORAGE,
        SMTP,
        COMPANY,
    ),
    _platform,
)

__all__ = ["LOCAL", "PLATFORM", "SHIPPED_CLASSES", "PlatformFile"]

"""`tenants/NAME.yaml`: one tenant with its employees, departments and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.definitions import media, scalars
from orchestrator.definitions.account import ACCOUNT
from orchestrator.definitions.caller_ids import CALLER_IDS, VERIFIED_NUMBERS, regions
from orchestrator.definitions.caller_lists import BLOCK, CALLER_LISTS
from orchestrator.definitions.expectations import EXPECTS
from orchestrator.definitions.external_numbers import EXTERNAL_NUMBERS
from orchestrator.definitions.least_cost import TENANT_ORDER
from orchestrator.definitions.mailboxes import MAILBOXES
from orchestrator.definitions.menus import MENUS
from orchestrator.definitions.numbers import NUMBER_USE
from orchestrator.definitions.option_list import OptionList
from orchestrator.definitions.parties import CUSTOMER
from orchestrator.definitions.platform_file import CLASS_NAME, VERSION
from orchestrator.definitions.prompts import LANGUAGES, PROMPT, RINGBACK, PromptShape
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.schedules import SCHEDULE
from orchestrator.definitions.shapes import Defaults, Field, ListOf, Scalar, Surroundings
from orchestrator.definitions.staff import DEPARTMENT, EMPLOYEE
from orchestrator.definitions.states import FEATURE_CODES, SWITCHES
from orchestrator.model.prompt import SILENCE
from orchestrator.model.schedule import Schedule
from orchestrator.model.tenant import Did, Recording, Tenant

ANNOUNCE = Field(
    "announce",
    PromptShape(listed=True),
    "What a caller from outside hears first: a prompt (a WAV file, from the project's root, or a text).",
    "prompts/recorded.wav",
    default=SILENCE,
    default_text="none",
)
ANNOUNCE_OUTBOUND = Field(
    "announce_outbound",
    PROMPT,
    "The same for somebody outside who is called.",
    "prompts/recorded.wav",
    default=SILENCE,
    default_text="none",
)


def _recording(given: Converted) -> Recording:
    return Recording(announce=given[ANNOUNCE], announce_outbound=given[ANNOUNCE_OUTBOUND])


ALLOW: Field[tuple[str, ...] | None] = Field(
    "allow",
    ListOf(CLASS_NAME),
    "Dial classes of the platform that may be dialled.",
    "[local, national, mobile]",
    None,
    "`defaults.dial_classes` of the platform",
)


def _outgoing(given: Converted) -> tuple[str, ...]:
    return _allowed(given[ALLOW], given.surroundings)


def _service() -> Scalar[str]:
    return scalars.choice("a state of the service", ("active", "disconnected"))


NAME = Field("name", scalars.slug("a tenant's name"), "As the file is called.", "acme")
TITLE = Field("title", scalars.text(200, "a title"), "Name of the customer.", "ООО «Акме»")
TARIFF: Field[str | None] = Field(
    "tariff",
    scalars.slug("a tariff's name"),
    "Its tariff.",
    "master",
    None,
    "`defaults.tariff` of the platform",
)
SERVICE = Field(
    "service",
    _service(),
    "What is wanted (decision 14); a disconnected tenant's calls are refused.",
    "active",
    default="active",
)
TIME_ZONE: Field[str | None] = Field(
    "time_zone",
    scalars.time_zone(),
    "Its local time, for periods and dates of charges.",
    "Asia/Yekaterinburg",
    None,
    "`time_zone` of the platform",
)
LANGUAGE: Field[str | None] = Field(
    "language",
    scalars.choice("a language that is spoken", LANGUAGES),
    "What the switch's own prompts are in.",
    "en",
    None,
    "`language` of the platform",
)
NODE: Field[str | None] = Field(
    "node", scalars.slug("a node's name"), "Its home node.", "pbx1", None, "`defaults.node` of the platform"
)
TRUNK: Field[str | None] = Field(
    "trunk",
    scalars.slug("a trunk's name"),
    "The trunk its calls leave by.",
    "main",
    None,
    "`defaults.trunk` of the platform",
)
TRUNKS: Field[tuple[str, ...]] = Field(
    "trunks",
    ListOf(scalars.slug("a trunk's name"), at_least=1),
    "In place of `trunk`: several, the first that takes the call.",
    "[main, reserve]",
    default=(),
    default_text="`defaults.trunks` of the platform",
)
CALLER_ID: Field[str | None] = Field(
    "caller_id",
    scalars.number(),
    "What is shown outside: one of its own or verified numbers (decision 15).",
    '"+74951112233"',
    None,
    "its number when it has one alone",
)
OPTIONS: Field[Mapping[str, int]] = Field(
    "options",
    OptionList(),
    "Options of its tariff, a counted one with how many.",
    "[recording, {storage_year: 2}]",
    default={},
    default_text="none",
)
SEATS: Field[int | None] = Field(
    "seats",
    scalars.integer(1, 10000),
    "Employees it pays for, when that is more than it lists; the larger counts (decision 2).",
    "9",
    None,
    "those it lists",
)
LINES: Field[int | None] = Field(
    "lines",
    scalars.integer(1, 20000),
    "A limit of its own below what the tariff gives (decision 2).",
    "10",
    None,
    "what the tariff gives",
)
OUTGOING: Field[tuple[str, ...] | None] = Field(
    "outgoing",
    Record("what may be dialled", (ALLOW,), _outgoing),
    "What may be dialled outside.",
    "{allow: [local, national, mobile]}",
    None,
    "as below",
)
RECORDING = Field(
    "recording",
    Record("how calls are recorded", (ANNOUNCE, ANNOUNCE_OUTBOUND), _recording),
    "How calls are recorded; needs an option that unlocks `recording`.",
    "{announce: prompts/recorded.wav}",
    default=Recording(),
    default_text="as below",
)
EMPLOYEES = Field(
    "employees", ListOf(EMPLOYEE, distinct=False), "Its staff, in the order of lists.", "[{extension: …}]"
)
DEPARTMENTS = Field(
    "departments",
    MapOf(scalars.slug("a department's name"), DEPARTMENT),
    "Skill groups.",
    "{sales: {…}}",
    default=(),
    default_text="none",
)
SCHEDULES: Field[tuple[Entry[Schedule], ...]] = Field(
    "schedules",
    MapOf(scalars.slug("a schedule's name"), SCHEDULE),
    "Hours that calls are handled by, in the tenant's local time.",
    "{office: {…}}",
    default=(),
    default_text="none",
)
NUMBERS = Field(
    "numbers",
    MapOf(scalars.number("an external number"), NUMBER_USE),
    "Its external numbers, and where a call to each goes.",
    '{"+74951112233": {department: sales}}',
    default=(),
    default_text="none",
)
CODECS = Field(
    "codecs",
    media.CODECS,
    "Codecs of its phones, in order of preference.",
    "[opus, g722, alaw]",
    default=(),
    default_text="`codecs` of the platform",
)
ENCRYPTION = Field(
    "encryption",
    media.encryption("a way to encrypt calls"),
    "Of its phones: `offered`: speech is encrypted with who can; `required`: only calls over TLS and with "
    "encrypted speech are taken and made. Both need `tls` on its node.",
    "required",
    default="off",
)
TENANT_RINGBACK = replace(
    RINGBACK,
    doc="Music or a message that who calls from outside hears in place of ringing tones: a prompt, played "
    "over and over.",
    default_text="ringing tones",
)
MUSIC_ON_HOLD = Field(
    "music_on_hold",
    PROMPT,
    "Music that is heard by whoever a phone of the tenant puts on hold: a prompt, played over and over.",
    "music/hold.wav",
    default=SILENCE,
    default_text="silence",
)


def _tenant(given: Converted) -> Tenant:
    defaults = given.surroundings.defaults
    numbers = tuple(
        Did(entry.key, entry.value.target, entry.value.greeting, entry.value.ringback, entry.position)
        for entry in given[NUMBERS]
    )
    only = numbers[0].number if len(numbers) == 1 else ""
    return Tenant(
        name=given[NAME],
        title=given[TITLE],
        tariff=_given_or(given[TARIFF], defaults.tariff),
        service=given[SERVICE],
        time_zone=_given_or(given[TIME_ZONE], given.surroundings.time_zone),
        language=_given_or(given[LANGUAGE], given.surroundings.language),
        node=_given_or(given[NODE], defaults.node),
        trunks=_trunks(given, defaults),
        trunk_order=_given_or(given[TENANT_ORDER], defaults.trunk_order),
        caller_id=_given_or(given[CALLER_ID], only),
        options=given[OPTIONS],
        seats=given[SEATS],
        lines=given[LINES],
        dial_classes=_allowed(given[OUTGOING], given.surroundings),
        recording=given[RECORDING],
        employees=given[EMPLOYEES],
        departments=tuple(entry.value for entry in given[DEPARTMENTS]),
        schedules=tuple(entry.value for entry in given[SCHEDULES]),
        menus=tuple(entry.value for entry in given[MENUS]),
        mailboxes=tuple(entry.value for entry in given[MAILBOXES]),
        switches=tuple(entry.value for entry in given[SWITCHES]),
        feature_codes=given[FEATURE_CODES],
        caller_lists=tuple(entry.value for entry in given[CALLER_LISTS]),
        block=given[BLOCK],
        expects=given[EXPECTS],
        numbers=numbers,
        codecs=given[CODECS],
        encryption=given[ENCRYPTION],
        ringback=given[TENANT_RINGBACK],
        music_on_hold=given[MUSIC_ON_HOLD],
        verified_numbers=given[VERIFIED_NUMBERS],
        caller_ids=regions(given[CALLER_IDS]),
        external_numbers=tuple(entry.value for entry in given[EXTERNAL_NUMBERS]),
        account=given[ACCOUNT],
        customer=given[CUSTOMER],
        position=given.position,
    )


def _trunks(given: Converted, defaults: Defaults) -> tuple[str, ...]:
    one = given[TRUNK]
    return given[TRUNKS] or (defaults.trunks if one is None else (one,))


def _given_or(given: str | None, default: str) -> str:
    return default if given is None else given


def _allowed(given: tuple[str, ...] | None, surroundings: Surroundings) -> tuple[str, ...]:
    return tuple(sorted(surroundings.defaults.dial_classes if given is None else given))


TENANT = Record(
    "a tenant",
    (
        VERSION,
        NAME,
        TITLE,
        TARIFF,
        SERVICE,
        TIME_ZONE,
        LANGUAGE,
        NODE,
        TRUNK,
        TRUNKS,
        TENANT_ORDER,
        CALLER_ID,
        VERIFIED_NUMBERS,
        CALLER_IDS,
        OPTIONS,
        ACCOUNT,
        SEATS,
        LINES,
        OUTGOING,
        RECORDING,
        CODECS,
        ENCRYPTION,
        TENANT_RINGBACK,
        MUSIC_ON_HOLD,
        EMPLOYEES,
        DEPARTMENTS,
        SCHEDULES,
        MENUS,
        MAILBOXES,
        CALLER_LISTS,
        BLOCK,
        SWITCHES,
        FEATURE_CODES,
        NUMBERS,
        EXTERNAL_NUMBERS,
        EXPECTS,
        CUSTOMER,
    ),
    _tenant,
)

__all__ = ["TENANT"]

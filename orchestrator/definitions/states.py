"""`switches:` and `feature_codes:` of a tenant file: state that phones set by dialling a code."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Field, Scalar
from orchestrator.model.state import FeatureCodes, TenantSwitch

SWITCH_NAME: Scalar[str] = scalars.slug("a switch's name")
CODE: Scalar[str] = scalars.matching(
    "a feature code", r"\*[0-9]{2,4}", "feature-code", "a star and 2 to 4 digits, such as *50"
)
NO_CODE = "none"
_OWN_CODE: Scalar[str] = scalars.matching(
    "a feature code",
    rf"\*[0-9]{{2,4}}|{NO_CODE}",
    "feature-code",
    f"a star and 2 to 4 digits, such as *45, or {NO_CODE}",
)

_CODE = Field("code", CODE, "What a phone dials to turn it.", '"*50"')
_TITLE = Field("title", scalars.text(100, "a title"), "As people read it.", "Ночной режим")


def _switch(given: Converted) -> TenantSwitch:
    return TenantSwitch(given.name, given[_CODE], given[_TITLE], given.position)


SWITCHES: Field[tuple[Entry[TenantSwitch], ...]] = Field(
    "switches",
    MapOf(SWITCH_NAME, Record("a switch", (_CODE, _TITLE), _switch)),
    "What is on or off until somebody turns it: by a code, by a key with a lamp, or by `vpbx turn`.",
    '{night: {code: "*50", title: Ночной режим}}',
    default=(),
    default_text="none",
)

_LOG_IN = Field("log_in", _OWN_CODE, "Takes calls of one's departments again.", '"*45"', default="*45")
_LOG_OUT = Field("log_out", _OWN_CODE, "Takes none of them until one logs in.", '"*46"', default="*46")
_DND = Field("dnd", _OWN_CODE, "Isn't to be disturbed: one's phones don't ring.", '"*78"', default="*78")
_NO_DND = Field("no_dnd", _OWN_CODE, "May be disturbed again.", '"*79"', default="*79")
_MESSAGES = Field("messages", _OWN_CODE, "Listens to one's own mailbox.", '"*97"', default="*97")
_MAILBOX = Field(
    "mailbox",
    _OWN_CODE,
    "Listens to any mailbox of the tenant, by its extension and PIN.",
    '"*98"',
    default="*98",
)
_CODES = (_LOG_IN, _LOG_OUT, _DND, _NO_DND, _MESSAGES, _MAILBOX)


def _codes(given: Converted) -> FeatureCodes:
    codes = ("" if given[each] == NO_CODE else given[each] for each in _CODES)
    log_in, log_out, dnd, no_dnd, messages, mailbox = codes
    return FeatureCodes(log_in, log_out, dnd, no_dnd, messages, mailbox, given.position)


FEATURE_CODES: Field[FeatureCodes] = Field(
    "feature_codes",
    Record("feature codes", _CODES, _codes),
    "What phones dial to set a state of their own, or to listen to messages.",
    '{log_in: "*45", log_out: none}',
    default=FeatureCodes(),
    default_text="as below",
)

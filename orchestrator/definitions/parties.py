"""`company:` of platform.yaml and `customer:` of a tenant: who stands on papers, all of it optional."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from orchestrator.definitions import scalars
from orchestrator.definitions.check_digits import inn_holds, ogrn_holds
from orchestrator.definitions.mailboxes import EMAIL
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, Refusal, Scalar
from orchestrator.model.party import Bank, Party


def _checked(label: str, lengths: tuple[int, int], holds: Callable[[str], bool], code: str) -> Scalar[str]:
    """Digits of one of two lengths whose check digits hold."""
    pattern = "|".join(f"[0-9]{{{length}}}" for length in lengths)
    whole = re.compile(pattern, re.ASCII)

    def read(given: str) -> str | Refusal:
        if not whole.fullmatch(given):
            hint = f"{lengths[0]} digits, or {lengths[1]} of an entrepreneur"
            return Refusal(code, f"{quoted(given)} is not {label}", hint)
        if not holds(given):
            message = f"{quoted(given)} is not {label}: its check digit doesn't hold"
            return Refusal(f"{code}-check", message, "compare it with the papers, a digit is wrong")
        return given

    return scalars.parsed(label, read, f"^({pattern})$")


def _digits(label: str, pattern: str, code: str, hint: str) -> Scalar[str]:
    return scalars.matching(label, pattern, code, hint, numeric=True)


_BANK_NAME = Field("name", scalars.text(200, "a bank's name"), "The bank.", "АО «Банк»", "", "none")
_BIK = Field(
    "bik",
    _digits("a BIK", "0[0-9]{8}", "bik", "nine digits that begin with 0"),
    "Its BIK.",
    '"044525999"',
    "",
    "none",
)
_TWENTY = _digits("a bank account", "[0-9]{20}", "bank-account", "twenty digits")
_ACCOUNT = Field("account", _TWENTY, "The account; checked by the BIK.", '"40702810…"', "", "none")
_CORRESPONDENT = Field(
    "correspondent_account", _TWENTY, "The bank's own; checked by the BIK.", '"30101810…"', "", "none"
)


def _bank(given: Converted) -> Bank:
    return Bank(given[_BANK_NAME], given[_BIK], given[_ACCOUNT], given[_CORRESPONDENT])


_NAME = Field("name", scalars.text(200, "a name"), "As papers name it.", "ООО «Оператор»", "", "none")
_CUSTOMER_NAME = replace(_NAME, example="ООО «Акме»", default_text="the tenant's `title`")
_INN = Field("inn", _checked("an INN", (10, 12), inn_holds, "inn"), "Its INN.", '"7700000009"', "", "none")
_KPP = Field(
    "kpp",
    scalars.matching("a KPP", "[0-9]{4}[0-9A-Z]{2}[0-9]{3}", "kpp", "nine digits", numeric=True),
    "Its KPP; an entrepreneur has none.",
    '"770001001"',
    "",
    "none",
)
_OGRN = Field(
    "ogrn",
    _checked("an OGRN", (13, 15), ogrn_holds, "ogrn"),
    "Its OGRN or OGRNIP.",
    '"1027700000008"',
    "",
    "none",
)
_ADDRESS = Field(
    "address",
    scalars.text(300, "an address"),
    "As it is registered.",
    "123112, Москва, Тестовская ул., д. 1",
    "",
    "none",
)
_PHONE = Field("phone", scalars.number(), "Of its accountants.", '"+74951234567"', "", "none")
_EMAIL = Field("email", EMAIL, "Of its accountants.", "billing@example.com", "", "none")
_BANK = Field(
    "bank",
    Record("a bank account", (_BANK_NAME, _BIK, _ACCOUNT, _CORRESPONDENT), _bank),
    "Where it is paid.",
    "{bik: …, account: …}",
    Bank(),
    "none",
)
_DIRECTOR = Field("director", scalars.text(100, "a name"), "Who signs for it.", "Иванов И. И.", "", "none")
_ACCOUNTANT = Field(
    "accountant", scalars.text(100, "a name"), "Its chief accountant.", "Петрова А. А.", "", "none"
)
_CONTRACT = Field(
    "contract",
    scalars.text(100, "a contract"),
    "Number and date of the contract.",
    "№ 17 от 01.09.2026",
    "",
    "none",
)
_OF_BOTH = (_INN, _KPP, _OGRN, _ADDRESS, _PHONE, _EMAIL, _BANK)


def _party(given: Converted, name: str) -> Party:
    return Party(
        name=name,
        inn=given[_INN],
        kpp=given[_KPP],
        ogrn=given[_OGRN],
        address=given[_ADDRESS],
        phone=given[_PHONE],
        email=given[_EMAIL],
        bank=given[_BANK],
        position=given.position,
    )


def _company(given: Converted) -> Party:
    party = _party(given, given[_NAME])
    return replace(party, director=given[_DIRECTOR], accountant=given[_ACCOUNTANT])


def _customer(given: Converted) -> Party:
    return replace(_party(given, given[_CUSTOMER_NAME]), contract=given[_CONTRACT])


COMPANY = Field(
    "company",
    Record("a company", (_NAME, *_OF_BOTH, _DIRECTOR, _ACCOUNTANT), _company),
    "The operator, as statements and transfer documents name it.",
    "{name: ООО «Оператор», inn: …}",
    Party(),
    "none",
)
CUSTOMER = Field(
    "customer",
    Record("a customer", (_CUSTOMER_NAME, *_OF_BOTH, _CONTRACT), _customer),
    "Who the tenant is on statements and transfer documents.",
    "{inn: …, contract: …}",
    Party(),
    "its `title` alone",
)

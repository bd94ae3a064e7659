"""What papers say, in Russian and English."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from orchestrator.billing.statement import LICENCE, SUPPORT, USAGE
from orchestrator.model.payment import PAYMENT
from orchestrator.model.service import AUTOINFORM, CALL, EXTRA_EMPLOYEES, OPTION, SMS, SUBSCRIPTION

RUSSIAN, ENGLISH = "ru", "en"
LANGUAGES = (RUSSIAN, ENGLISH)

WORDS: Mapping[str, Mapping[str, str]] = {
    RUSSIAN: {
        "title": "Выписка по услуге «Виртуальная АТС»",
        "period": "Период",
        "made": "Составлено",
        "draft": "ПРОЕКТ",
        "draft_note": "Месяц не закончился: это проект, а не выписка. Суммы могут измениться.",
        "operator": "Оператор",
        "customer": "Абонент",
        "contract": "Договор",
        "inn": "ИНН",
        "kpp": "КПП",
        "ogrn": "ОГРН",
        "address": "Адрес",
        "phone": "Телефон",
        "email": "Эл. почта",
        "bank": "Банк",
        "bik": "БИК",
        "account": "Р/с",
        "correspondent": "К/с",
        "account_state": "Состояние счёта, ₽",
        "opening": "Остаток на начало",
        "paid": "Поступило",
        "charged": "Начислено",
        "closing": "Остаток на конец",
        "owed": "задолженность",
        "advance": "аванс",
        "entered": "Внесено в этом месяце за прежние месяцы (учтено в остатке на начало)",
        "month": "Месяц",
        "entries": "Записей",
        "summary": "Итоги по видам услуг",
        "kind": "Вид",
        "lines": "Записей",
        "quantity": "Количество",
        "amount": "Сумма",
        "licence": "Лицензия",
        "support": "Поддержка",
        "vat": "в т. ч. НДС",
        "total": "Итого",
        "taxes": "Налоги",
        "payments": "Платежи",
        "no_payments": "Платежей не было.",
        "date": "Дата",
        "reference": "Основание",
        "charges": "Начисления за услуги",
        "no_charges": "Начислений не было.",
        "what": "Что",
        "rate": "Ставка",
        "for_period": "Период / расчёт",
        "calls": "Звонки",
        "no_calls": "Звонков не было.",
        "time": "Конец",
        "who": "Сотр.",
        "number": "Номер",
        "destination": "Направление",
        "prefix": "Префикс",
        "talked": "Разговор",
        "working": "Расчёт",
        "reversal": "Сторно",
        "reversal_of": "сторно строки {number}",
        "correction": "уточнено",
        "estimated": "окончание оценено",
        "late": "внесено {date}",
        "footnote": "Плата за услугу состоит из лицензионного вознаграждения{licence} и платы за техническую "
        "поддержку{support}. Лицензионное вознаграждение: {exempt} "
        "НДС выделен из сумм, в которые он входит; итог — сумма начислений.",
        "exempt": "НДС не облагается, пп. 26 п. 2 ст. 149 НК РФ.",
        "hidden": "Номера показаны, пока хранятся данные звонков.",
        "licence_of": "Лицензионное вознаграждение за пользование программным продуктом «Виртуальная АТС»",
        "support_of": "Техническая поддержка услуги «Виртуальная АТС»",
        "page": "стр.",
        "of": "из",
        "seconds": "с",
        "minutes": "мин",
        "pieces": "шт.",
        "people": "чел.",
        "months": "мес",
    },
    ENGLISH: {
        "title": "Statement of the Virtual PBX service",
        "period": "Period",
        "made": "Made on",
        "draft": "DRAFT",
        "draft_note": "The month is not over: this is a draft and no statement. Sums may change.",
        "operator": "Operator",
        "customer": "Customer",
        "contract": "Contract",
        "inn": "INN",
        "kpp": "KPP",
        "ogrn": "OGRN",
        "address": "Address",
        "phone": "Phone",
        "email": "E-mail",
        "bank": "Bank",
        "bik": "BIK",
        "account": "Account",
        "correspondent": "Corr. account",
        "account_state": "Account, RUB",
        "opening": "Opening balance",
        "paid": "Paid",
        "charged": "Charged",
        "closing": "Closing balance",
        "owed": "owed",
        "advance": "in advance",
        "entered": "Entered this month for earlier months (part of the opening balance)",
        "month": "Month",
        "entries": "Entries",
        "summary": "Summary by kind",
        "kind": "Kind",
        "lines": "Entries",
        "quantity": "Quantity",
        "amount": "Amount",
        "licence": "Licence",
        "support": "Support",
        "vat": "incl. VAT",
        "total": "Total",
        "taxes": "Taxes",
        "payments": "Payments",
        "no_payments": "There were no payments.",
        "date": "Date",
        "reference": "Reference",
        "charges": "Charges of the service",
        "no_charges": "There were no charges.",
        "what": "What",
        "rate": "Rate",
        "for_period": "Period / working",
        "calls": "Calls",
        "no_calls": "There were no calls.",
        "time": "Ended",
        "who": "Ext.",
        "number": "Number",
        "destination": "Destination",
        "prefix": "Prefix",
        "talked": "Talked",
        "working": "Working",
        "reversal": "Reversal",
        "reversal_of": "reverses line {number}",
        "correction": "corrected",
        "estimated": "end estimated",
        "late": "entered {date}",
        "footnote": "The price of the service is a licence fee{licence} and technical support{support}. The "
        "licence is {exempt} VAT is shown out of the sums that it is part of; a total is the sum of its "
        "charges.",
        "exempt": "free of VAT: Tax Code of Russia, article 149, item 2, sub-item 26.",
        "hidden": "Numbers are shown as long as the data of calls is kept.",
        "licence_of": "Licence fee for the use of the program “Virtual PBX”",
        "support_of": "Technical support of the service “Virtual PBX”",
        "page": "page",
        "of": "of",
        "seconds": "s",
        "minutes": "min",
        "pieces": "pcs",
        "people": "people",
        "months": "month",
    },
}
"""Every word by language and name."""

_KINDS: Mapping[str, Mapping[str, str]] = {
    RUSSIAN: {
        SUBSCRIPTION: "Абонентская плата",
        EXTRA_EMPLOYEES: "Дополнительные сотрудники",
        OPTION: "Опция",
        SMS: "SMS",
        AUTOINFORM: "Минуты автоинформирования",
        CALL: "Исходящие звонки",
        PAYMENT: "Платёж",
        "reversal": "Сторно",
        "call.corrected": "Звонки, уточнено",
    },
    ENGLISH: {
        SUBSCRIPTION: "Subscription",
        EXTRA_EMPLOYEES: "Extra employees",
        OPTION: "Option",
        SMS: "SMS",
        AUTOINFORM: "Auto-informing minutes",
        CALL: "Outbound calls",
        PAYMENT: "Payment",
        "reversal": "Reversal",
        "call.corrected": "Calls, corrected",
    },
}
_PARTS: Mapping[str, Mapping[str, str]] = {
    RUSSIAN: {
        LICENCE: "Лицензионное вознаграждение",
        SUPPORT: "Техническая поддержка",
        USAGE: "SMS, минуты и звонки",
    },
    ENGLISH: {LICENCE: "Licence fee", SUPPORT: "Technical support", USAGE: "SMS, minutes and calls"},
}
_MONTHS: Mapping[str, Sequence[str]] = {
    RUSSIAN: (
        "январь",
        "февраль",
        "март",
        "апрель",
        "май",
        "июнь",
        "июль",
        "август",
        "сентябрь",
        "октябрь",
        "ноябрь",
        "декабрь",
    ),
    ENGLISH: (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_NO_VAT = {RUSSIAN: "без НДС", ENGLISH: "no VAT"}
_VAT = {RUSSIAN: "НДС", ENGLISH: "VAT"}
_WORKING = (
    (re.compile(r"^decision \d+: "), ""),
    (re.compile(r"\bx\b"), "×"),
    (re.compile(r"\bof\b"), "из"),
    (re.compile(r"\bincluded\b"), "включено"),
    (re.compile(r"\bat least\b"), "не менее"),
    (re.compile(r"\bconnect fee\b"), "за соединение"),
    (re.compile(r"\bfree\b"), "бесплатно"),
    (re.compile(r"\bdays\b"), "дн."),
    (re.compile(r"\bmin\b"), "мин"),
    (re.compile(r"\bs\b"), "с"),
    (re.compile(r"\band\b"), "и"),
    (re.compile(r"\bVAT\b"), "НДС"),
    (re.compile(r"(?<=\d)\.(?=\d)"), ","),
)
"""A working of the ledger, piece by piece in Russian."""


def kind_name(kind: str, language: str) -> str:
    """A kind of charge or entry; one that isn't known is called as the ledger calls it."""
    return _KINDS[language].get(kind, kind)


def part_name(part: str, language: str) -> str:
    return _PARTS[language][part]


def month_name(year: int, month: int, language: str) -> str:
    """A calendar month.

    >>> month_name(2026, 10, "ru")
    'октябрь 2026'
    """
    return f"{_MONTHS[language][month - 1]} {year}"


def rate_name(percents: tuple[Decimal, ...], language: str) -> str:
    """A VAT rate as papers name it; several: charges whose period spans a change of it.

    >>> rate_name((Decimal(22),), "ru"), rate_name((), "ru")
    ('НДС 22%', 'без НДС')
    """
    if not percents:
        return _NO_VAT[language]
    return f"{_VAT[language]} {' + '.join(f'{percent}%' for percent in percents)}"


def tax_rate(percents: tuple[Decimal, ...], language: str) -> str:
    """A VAT rate as a transfer document names it.

    >>> tax_rate((Decimal(20), Decimal(22)), "ru"), tax_rate((), "ru")
    ('20%+22%', 'без НДС')
    """
    return "+".join(f"{percent}%" for percent in percents) if percents else _NO_VAT[language]


def working_in(language: str, working: str) -> str:
    """The working of a charge, which the ledger keeps in English.

    >>> working_in("ru", "decision 3: 500.00 x 18/28 days = 321.43")
    '500,00 × 18/28 дн. = 321,43'
    >>> working_in("ru", "3 of 5 x 60 s included; 2 x 60 s x 2.30/min = 4.60")
    '3 из 5 × 60 с включено; 2 × 60 с × 2,30/мин = 4,60'
    >>> working_in("en", "decision 8: 1 x 2.50 = 2.50")
    '1 × 2.50 = 2.50'
    """
    for found, instead in _WORKING if language == RUSSIAN else _WORKING[:2]:
        working = found.sub(instead, working)
    return working

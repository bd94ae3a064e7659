"""Every refusal: the example platform with one thing wrong gives that problem, at its line, and no other."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.definitions import check

EXAMPLES = Path(__file__).parents[2] / "examples"
PLATFORM, TARIFF = "platform.yaml", "tariffs/master.yaml"
ACME, BETA = "tenants/acme.yaml", "tenants/beta.yaml"
DECK = "decks/multifon-business.csv"


@dataclass(frozen=True)
class Edit:
    """A text of the example, what replaces it, and what is to be found: `code` at the line of `at`."""

    file: str
    old: str
    new: str
    code: str
    at: str
    found_in: str = ""
    more: tuple[tuple[str, str], ...] = ()


SECOND_NODE = "nodes:\n  pbx2: {sip: 127.0.0.1:%s, rtp: %s, ami: 127.0.0.1:%s, metrics: 127.0.0.1:%s}\n"
LOGIN = "  main: {auth: registration, address: sip.example.com:5060%s}\n"
IP_TRUNK = "    auth: ip\n    address: 127.0.0.1:5080\n    match: [127.0.0.1]\n"
HOOKED = "tariff: master\naccount:\n  low_balance:\n    at: [%s]\n    secret: env:KEY\n    webhook: %s"
TRUNK = f"  main:\n{IP_TRUNK}"

EDITS = {
    # keys and types
    "unknown key": Edit(ACME, "service: active", "servise: active", "unknown-key", "servise"),
    "unknown key of an employee": Edit(
        ACME, "name: Анна Соколова", "name: Анна, nmae: x", "unknown-key", "nmae"
    ),
    "duplicate key": Edit(
        ACME, "tariff: master", "tariff: master\ntariff: master\n#", "duplicate-key", "tariff: master\n#"
    ),
    "number twice under two spellings": Edit(
        BETA, "numbers:", 'numbers:\n  "83432223344": {employee: "102"}', "duplicate-key", '"+73432223344"'
    ),
    "missing required": Edit(ACME, "title: ООО «Акме Инструмент»\n", "", "missing-key", "version: 1"),
    "missing name of an employee": Edit(ACME, ", name: Михаил Волков", "", "missing-key", '"104"'),
    "no value": Edit(ACME, "title: ООО «Акме Инструмент»", "title:", "missing-value", "title:"),
    "scalar for a list": Edit(ACME, "options: [recording]", "options: recording", "wrong-type", "options"),
    "list for a mapping": Edit(BETA, '{employee: "101"}', "[]", "wrong-type", "+7343"),
    "other version": Edit(ACME, "version: 1", "version: 2", "version", "version: 2"),
    "two targets": Edit(
        BETA, '{employee: "101"}', '{employee: "101", outside: "+79161234567"}', "wrong-type", "outside"
    ),
    "unknown kind of target": Edit(BETA, '{employee: "101"}', '{ivr: "101"}', "unknown-key", "ivr"),
    "low balance told nobody": Edit(
        ACME, "tariff: master", "tariff: master\naccount: {low_balance: {at: [300]}}", "nobody-warned", "{at"
    ),
    "low balance by e-mail without a server": Edit(
        ACME,
        "tariff: master",
        "tariff: master\naccount: {low_balance: {at: [300], email: [a@example.com]}}",
        "no-smtp",
        "email: [a@",
    ),
    "webhook without a key": Edit(
        ACME,
        "tariff: master",
        "tariff: master\naccount: {low_balance: {at: ['-5'], webhook: 'https://example.com/'}}",
        "webhook-unsigned",
        "webhook:",
    ),
    "webhook in the clear": Edit(
        ACME, "tariff: master", HOOKED % ("300", "http://example.com/"), "webhook", "webhook:"
    ),
    "webhook with a log-in": Edit(
        ACME, "tariff: master", HOOKED % ("300", "https://a:b@example.com/"), "secret-written-out", "webhook:"
    ),
    "webhook that is no URL": Edit(
        ACME, "tariff: master", HOOKED % ("300", "https://example.com:x/"), "webhook", "webhook:"
    ),
    "low balance of half a kopeck": Edit(
        ACME, "tariff: master", HOOKED % ("-1.005", "https://example.com/"), "roubles", "at:"
    ),
    "meaning of a column of a call list": Edit(
        PLATFORM, IP_TRUNK, f"{IP_TRUNK}    call_list: {{columns: {{begin: Дата}}}}\n", "choice", "begin"
    ),
    "listed twice": Edit(ACME, "[desk, mobile]", "[desk, desk]", "listed-twice", "[desk, desk]"),
    "no device": Edit(ACME, "[desk, mobile]", "[]", "too-few", "devices: []"),
    "seconds out of range": Edit(
        ACME, "ring_timeout_s: 45", "ring_timeout_s: 3", "out-of-range", "ring_timeout_s: 3"
    ),
    "service neither active nor disconnected": Edit(
        ACME, "service: active", "service: off", "choice", "service: off"
    ),
    "time zone": Edit(BETA, "Asia/Yekaterinburg", "Asia/Ekaterinburg", "time-zone", "time_zone"),
    "control character in a name": Edit(
        ACME, "name: Анна Соколова", 'name: "Анна\\r\\nExten: 1"', "text-character", "Exten"
    ),
    "escape sequence in a name": Edit(
        ACME, "name: Анна Соколова", 'name: "Анна\\e[2J"', "control-character", "[2J"
    ),
    "long name": Edit(ACME, "Анна Соколова", "А" * 101, "text-too-long", '"101", name'),
    "another name than the file's": Edit(BETA, "name: beta", "name: gamma", "file-name", "name: gamma"),
    "another slug than the file's": Edit(TARIFF, "slug: master", "slug: other", "file-name", "slug: other"),
    # parties of papers
    "INN of nine digits": Edit(PLATFORM, '"7700000009"', '"770000000"', "inn", "inn:"),
    "INN with a wrong digit": Edit(PLATFORM, '"7700000009"', '"7700000008"', "inn-check", "inn:"),
    "INN of a customer with a wrong digit": Edit(ACME, '"7700000016"', '"7700000061"', "inn-check", "inn:"),
    "INN of an entrepreneur with a wrong digit": Edit(
        ACME, '"7700000016"\n  kpp: "770001001"', '"660000000172"', "inn-check", "inn:"
    ),
    "KPP of an entrepreneur": Edit(ACME, '"7700000016"', '"660000000171"', "kpp-of-person", "kpp:"),
    "KPP of eight digits": Edit(PLATFORM, '"770001001"', '"77000100"', "kpp", "kpp:"),
    "OGRN with a wrong digit": Edit(PLATFORM, '"1027700000008"', '"1027700000009"', "ogrn-check", "ogrn:"),
    "OGRN in Arabic digits": Edit(PLATFORM, '"1027700000008"', '"١٠٢٧٧٠٠٠٠٠٠٠٨"', "ogrn", "ogrn:"),
    "BIK of eight digits": Edit(PLATFORM, '"044525999"', '"04452599"', "bik", "bik:"),
    "account of another bank": Edit(
        PLATFORM, "40702810000000000001", "40702810100000000001", "bank-account-check", "    account:"
    ),
    "correspondent account of another bank": Edit(
        PLATFORM, "30101810600000000999", "30101810500000000999", "bank-account-check", "correspondent"
    ),
    "account without a BIK": Edit(
        PLATFORM,
        '    bik: "044525999"\n    account: "40702810000000000001"\n    correspondent_account',
        "    account",
        "bank-bik",
        "    account:",
    ),
    "a customer's bank without a name of its own": Edit(
        ACME, "customer:", "customer:\n  bank: {nam: x}", "unknown-key", "nam:"
    ),
    # references
    "unknown tariff": Edit(ACME, "tariff: master", "tariff: mastre", "unknown-tariff", "mastre"),
    "unknown node": Edit(BETA, "name: beta", "name: beta\nnode: pbx9", "unknown-node", "pbx9"),
    "unknown trunk": Edit(BETA, "name: beta", "name: beta\ntrunk: mian", "unknown-trunk", "mian"),
    "unknown trunk among several": Edit(
        BETA, "name: beta", "name: beta\ntrunks: [main, mian]", "unknown-trunk", "mian"
    ),
    "one trunk and several": Edit(
        BETA, "name: beta", "name: beta\ntrunk: main\ntrunks: [main]", "trunk-twice", "trunk: main"
    ),
    "one default trunk and several": Edit(
        PLATFORM, "  trunk: main\n", "  trunk: main\n  trunks: [main]\n", "trunk-twice", "  trunk: main"
    ),
    "unknown trunk among the default ones": Edit(
        PLATFORM, "  trunk: main\n", "  trunks: [main, mian]\n", "unknown-trunk", "mian"
    ),
    "mobile that is a number of the platform": Edit(
        ACME, "name: Анна Соколова", 'name: Анна, mobile: "+73432223344"', "mobile-clash", "+73432223344"
    ),
    "mobile that rings and is not there": Edit(
        ACME, "name: Анна Соколова", "name: Анна, mobile_rings: true", "rings-without-mobile", "mobile_rings"
    ),
    "mobile that no trunk carries": Edit(
        ACME,
        "name: Анна Соколова",
        'name: Анна, mobile: "+79169990101"',
        "mobile-without-trunk",
        "+79169990101",
    ),
    "numbering of letters": Edit(
        PLATFORM, "    auth: ip\n", '    auth: ip\n    numbering: {x: "+7"}\n', "numbering", "numbering"
    ),
    "numbering to no E.164": Edit(
        PLATFORM, "    auth: ip\n", '    auth: ip\n    numbering: {"8": "7"}\n', "numbering", "numbering"
    ),
    "qualified too often": Edit(
        PLATFORM, "    auth: ip\n", "    auth: ip\n    qualify_s: 1\n", "out-of-range", "qualify_s"
    ),
    "no capacity at all": Edit(
        PLATFORM, "    auth: ip\n", "    auth: ip\n    capacity: 0\n", "out-of-range", "capacity"
    ),
    "external number without a target": Edit(
        ACME,
        "numbers:",
        'external_numbers: {"+78123334455": {address: "a.b:5060", username: u, secret: env:S}}\nnumbers:',
        "external-without-target",
        "external_numbers",
    ),
    "external number with its secret": Edit(
        ACME,
        "numbers:",
        'external_numbers: {"+74951112234": {address: "a.example:5060", username: u, secret: s}}\nnumbers:',
        "secret-written-out",
        "external_numbers",
    ),
    "external number without an account": Edit(
        ACME,
        "numbers:",
        'external_numbers: {"+74951112234": {address: "a.example:5060", secret: env:S}}\nnumbers:',
        "missing-key",
        "external_numbers",
    ),
    "external number over TLS on a node without it": Edit(
        ACME,
        "numbers:",
        'external_numbers: {"+74951112234": {address: "a.example:5060", username: u, secret: env:S, '
        "transport: tls}}\nnumbers:",
        "trunk-transport",
        "external_numbers",
    ),
    "SIP address without a host": Edit(BETA, '{employee: "101"}', "{sip: reception}", "sip-address", "sip"),
    "SIP address with an argument": Edit(
        BETA, '{employee: "101"}', '{sip: "a@b.example;x=1"}', "sip-address", "sip"
    ),
    "unknown option": Edit(
        ACME, "options: [recording]", "options: [recording, crn]", "unknown-option", "crn"
    ),
    "unknown class": Edit(ACME, "allow: [local,", "allow: [lokal,", "unknown-class", "lokal"),
    "unknown member": Edit(ACME, '"102", "103"]', '"102", "111"]', "unknown-employee", '"111"'),
    "unknown employee as a target": Edit(
        BETA, '{employee: "101"}', '{employee: "103"}', "unknown-employee", '"103"'
    ),
    "department's extension as an employee": Edit(
        ACME, '{employee: "101"}', '{employee: "200"}', "unknown-employee", '{employee: "200"}'
    ),
    "unknown department": Edit(
        ACME, "{department: sales}", "{department: slaes}", "unknown-department", "slaes"
    ),
    "unknown default node": Edit(PLATFORM, "node: pbx1", "node: pbx2", "unknown-node", "node: pbx2"),
    "unknown default trunk": Edit(PLATFORM, "trunk: main", "trunk: other", "unknown-trunk", "trunk: other"),
    "unknown default tariff": Edit(
        PLATFORM, "tariff: master", "tariff: other", "unknown-tariff", "tariff: other"
    ),
    "unknown default class": Edit(
        PLATFORM, "dial_classes: [local,", "dial_classes: [lokal,", "unknown-class", "lokal"
    ),
    "no default and nothing said": Edit(
        PLATFORM, "  trunk: main\n", "", "missing-key", "version: 1", ACME, ((BETA, "version: 1"),)
    ),
    # extensions
    "employee and employee clash": Edit(
        ACME, 'extension: "104"', 'extension: "105"', "extension-clash", "Ольга"
    ),
    "employee and department clash": Edit(
        ACME, 'extension: "200"', 'extension: "107"', "extension-clash", 'extension: "107"\n    title'
    ),
    "extension equals an emergency number": Edit(
        ACME, 'extension: "104"', 'extension: "112"', "extension-emergency", '"112"'
    ),
    "department equals an emergency number": Edit(
        ACME, 'extension: "200"', 'extension: "112"', "extension-emergency", '"112"'
    ),
    "extension like an external number": Edit(
        ACME, 'extension: "104"', 'extension: "84951112299"', "extension-like-number", "84951112299"
    ),
    "extension of one digit": Edit(ACME, 'extension: "104"', 'extension: "4"', "extension", '"4"'),
    # departments
    "nobody in a department": Edit(ACME, '["101", "102", "103"]', "[]", "department-empty", "members: []"),
    "employee twice in a department": Edit(
        ACME, '["101", "102", "103"]', '["101", "102", "101"]', "member-twice", "members"
    ),
    "queue for nobody": Edit(ACME, "distribution: all", "waiting: {most: 0}", "out-of-range", "most: 0"),
    "wait of more than an hour": Edit(
        ACME, "distribution: all", "waiting: {longest_s: 3601}", "out-of-range", "longest_s"
    ),
    "queue that tells nothing again": Edit(
        ACME, "distribution: all", "waiting: {repeat_s: 20}", "told-nothing", "repeat_s"
    ),
    "queue that has ended before it tells again": Edit(
        ACME,
        "distribution: all",
        "waiting: {longest_s: 60, position: true, repeat_s: 60}",
        "told-never",
        "repeat_s",
    ),
    "queue with music that isn't there": Edit(
        ACME, "distribution: all", "waiting: {music: music/no.wav}", "sound-missing", "music/no.wav"
    ),
    "queue with a key that it doesn't have": Edit(
        ACME, "distribution: all", "waiting: {longest: 60}", "unknown-key", "longest: 60"
    ),
    "queue that leads back to itself": Edit(
        ACME,
        "distribution: all",
        "waiting: {}\n    overflow: {no_answer: {department: sales}}",
        "overflow-circle",
        "{department: sales}}",
    ),
    "unknown distribution": Edit(ACME, "distribution: all", "distribution: some", "choice", "distribution"),
    # lines and options
    "more lines than the tariff gives": Edit(
        BETA, "name: beta", "name: beta\nlines: 15", "lines-above-tariff", "lines: 15"
    ),
    "recording without the option": Edit(
        BETA, "name: beta", "name: beta\nrecording: {}", "function-locked", "recording: {}"
    ),
    "sound that isn't there": Edit(
        ACME,
        "outgoing:",
        "recording: {announce: prompts/no.wav}\noutgoing:",
        "sound-missing",
        "prompts/no.wav",
    ),
    "sound outside the project": Edit(
        ACME, "outgoing:", "recording: {announce: ../no.wav}\noutgoing:", "sound-path", "../no.wav"
    ),
    "spoken prompt without a text": Edit(
        ACME, "outgoing:", "recording: {announce: {language: ru}}\noutgoing:", "missing-key", "{announce"
    ),
    "prompt in a language that isn't spoken": Edit(
        ACME, "outgoing:", "music_on_hold: {say: Hallo, language: de}\noutgoing:", "choice", "language: de"
    ),
    "music that isn't there": Edit(
        ACME, "name: Анна Соколова", "name: Анна, ringback: no.wav", "sound-missing", "no.wav"
    ),
    # numbers
    "number of another tenant": Edit(
        BETA, '"+73432223344"', '"+74951112233"', "number-clash", '"+74951112233"'
    ),
    "foreign caller ID": Edit(
        ACME, 'caller_id: "+74951112233"', 'caller_id: "+74951112299"', "caller-id-foreign", "caller_id"
    ),
    "foreign caller ID of an employee": Edit(
        ACME,
        "name: Анна Соколова",
        'name: Анна, caller_id: "+74951112299"',
        "caller-id-foreign",
        "+74951112299",
    ),
    "foreign caller ID of a department": Edit(
        ACME, "distribution: all", 'caller_id: "+74951112299"', "caller-id-foreign", "+74951112299"
    ),
    "foreign caller ID of a region": Edit(
        ACME,
        "outgoing:",
        'caller_ids: {"+7812": "+78121234567"}\noutgoing:',
        "caller-id-foreign",
        "caller_ids",
    ),
    "caller ID of another tenant": Edit(
        ACME, "outgoing:", 'verified_numbers: ["+73432223344"]\noutgoing:', "verified-clash", "verified"
    ),
    "verified number that is an own one": Edit(
        ACME, "outgoing:", 'verified_numbers: ["+74951112235"]\noutgoing:', "verified-own", "verified"
    ),
    "two departments that show different numbers": Edit(
        ACME,
        "departments:\n",
        """departments:
  one: {title: One, members: ["104"], caller_id: "+74951112233"}
  two: {title: Two, members: ["104"], caller_id: "+74951112234"}
""",
        "caller-id-ambiguous",
        'extension: "104"',
    ),
    "region that is no prefix": Edit(
        ACME, "outgoing:", 'caller_ids: {"7812": "+74951112233"}\noutgoing:', "prefix", "caller_ids"
    ),
    "caller ID not said": Edit(ACME, 'caller_id: "+74951112233"\n', "", "missing-key", "version: 1"),
    "nothing to show outside": Edit(
        BETA, 'numbers:\n  "+73432223344": {employee: "101"}\n', "", "caller-id-missing", "version: 1"
    ),
    "outside to no E.164 number": Edit(ACME, '"+79161234567"', '"101"', "number", "outside"),
    "outside to an own number": Edit(
        ACME, '"+79161234567"', '"+74951112233"', "target-own-number", "outside"
    ),
    # the tariff
    "decimal with an exponent": Edit(TARIFF, "2026-01-01: 22", "2026-01-01: 1e1", "decimal", "1e1"),
    "negative decimal": Edit(TARIFF, "2026-01-01: 22", "2026-01-01: -22", "decimal", "-22"),
    "not a number": Edit(TARIFF, "2026-01-01: 22", "2026-01-01: .nan", "decimal", ".nan"),
    "no such date": Edit(TARIFF, "2026-01-01: 22", "2026-02-30: 22", "date", "2026-02-30"),
    "boolean written no": Edit(TARIFF, "lines: false", "lines: no", "boolean", "lines: no"),
    "recording kept for no time": Edit(
        TARIFF, "retention_years: 1", "retention_years: 0", "option-retention", "retention_years"
    ),
    "unknown function": Edit(
        TARIFF, "unlocks: [recording]", "unlocks: [recordin]", "choice", "recordin]", TARIFF
    ),
    "deck that isn't there": Edit(
        TARIFF, "decks/multifon-business.csv", "decks/other.csv", "file-missing", "decks/other.csv"
    ),
    "deck outside the project": Edit(
        TARIFF, "decks/multifon-business.csv", "../other.csv", "deck-path", "../other.csv"
    ),
    # the platform
    "AMI on every address": Edit(PLATFORM, "127.0.0.1:5038", "0.0.0.0:5038", "ami-not-loopback", "ami:"),
    "speech ports the wrong way round": Edit(PLATFORM, "10000-20000", "20000-10000", "port-range", "rtp:"),
    "SIP among the speech ports": Edit(PLATFORM, "127.0.0.1:5060", "127.0.0.1:10500", "port-clash", "rtp:"),
    "two nodes on one SIP port": Edit(
        PLATFORM,
        "nodes:\n",
        SECOND_NODE % (5060, "30000-31000", 5039, 9418),
        "port-clash",
        "127.0.0.1:5060\n",
    ),
    "two nodes with common speech ports": Edit(
        PLATFORM,
        "nodes:\n",
        SECOND_NODE % (5061, "19000-31000", 5039, 9418),
        "port-clash",
        "rtp: 10000-20000",
    ),
    "AMI and metrics on one port": Edit(
        PLATFORM, "127.0.0.1:9417", "127.0.0.1:5038", "port-clash", "metrics:"
    ),
    "trunk by address without match": Edit(
        PLATFORM, "    match: [127.0.0.1]\n", "", "trunk-match", "auth: ip"
    ),
    "trunk by address with an empty match": Edit(
        PLATFORM, "match: [127.0.0.1]", "match: []", "trunk-match", "match: []"
    ),
    "trunk open to the world": Edit(
        PLATFORM, "match: [127.0.0.1]", "match: [0.0.0.0/0]", "match", "0.0.0.0/0"
    ),
    "two trunks with one source": Edit(
        PLATFORM,
        TRUNK,
        f"{TRUNK}  other:\n{IP_TRUNK.replace('[127.0.0.1]', '[127.0.0.0/24]')}",
        "trunk-source-clash",
        "127.0.0.0/24",
    ),
    "log-in without a user name": Edit(
        PLATFORM, TRUNK, LOGIN % ", secret: env:S", "trunk-login", "registration"
    ),
    "log-in without a secret": Edit(PLATFORM, TRUNK, LOGIN % ", username: u", "trunk-login", "registration"),
    "secret written out": Edit(
        PLATFORM, TRUNK, LOGIN % ", username: u, secret: hunter2", "secret-written-out", "registration"
    ),
    "password in the database URL": Edit(
        PLATFORM, '"sqlite:///.vpbx/vpbx.db"', "postgresql://u:hunter2@h/n", "secret-written-out", "hunter2"
    ),
    "premium for everybody": Edit(
        PLATFORM,
        "dial_classes: [local,",
        "dial_classes: [premium, local,",
        "class-by-default",
        "premium, local",
    ),
    "prefixes of the local class": Edit(
        PLATFORM, "nodes:", "dial_classes: {local: ['+7495']}\nnodes:", "class-local", "dial_classes: {local"
    ),
    "a prefix in two classes": Edit(
        PLATFORM, "nodes:", "dial_classes: {special: ['+79']}\nnodes:", "prefix-twice", "special"
    ),
    "a prefix without plus": Edit(
        PLATFORM, "nodes:", "dial_classes: {special: ['7900']}\nnodes:", "prefix", "special"
    ),
    "codec": Edit(PLATFORM, "codecs: [alaw,", "codecs: [allaw,", "choice", "allaw"),
    "a class without a rate": Edit(
        PLATFORM,
        "nodes:",
        "dial_classes: {special: ['+882']}\nnodes:",
        "no-rate",
        "allow:",
        ACME,
    ),
    # decks
    "unknown column": Edit(
        DECK, "destination,price,", "destination,prise,", "deck-column", "prefix,", more=((DECK, "prefix,"),)
    ),
    "prefix and date twice": Edit(
        DECK, "7301,", '7,"Россия",1,60,0,0,0,2026-01-01\n7301,', "deck-twice", '7,"Россия",'
    ),
    "price with a comma": Edit(
        DECK, ",12.00,60,0,0,0,2026-01-01\n77,", ',"12,00",60,0,0,0,2026-01-01\n77,', "deck-value", "76,"
    ),
    "price as an exponent": Edit(DECK, "390.00", "3.9e2", "deck-value", "881,"),
    "negative price": Edit(DECK, "390.00", "-390", "deck-value", "881,"),
    "a field too many": Edit(DECK, "881,", "881,882,", "deck-fields", "881,"),
    "prefix with letters": Edit(DECK, "881,", "88x,", "deck-value", "88x,"),
    "no increment": Edit(DECK, "390.00,60", "390.00,0", "deck-value", "881,"),
    "open quotes": Edit(DECK, "881,", '"881,', "deck-line", '"881,'),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES, tmp_path / "project"))


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_one_fault_is_one_problem_at_its_line(edit: Edit, project: Path) -> None:
    path = project / edit.file
    before = path.read_text("utf-8")
    assert edit.old in before
    path.write_text(before.replace(edit.old, edit.new, 1), "utf-8")
    if edit.code == "no-rate":
        acme = project / ACME
        acme.write_text(acme.read_text("utf-8").replace("allow: [", "allow: [special, "), "utf-8")
    places = ((edit.found_in or edit.file, edit.at), *edit.more)
    wanted = [(file, _line(project / file, text), edit.code) for file, text in places]
    definitions, problems = check(project)
    assert definitions is None
    assert [(each.position.file, each.position.line, each.code) for each in problems] == wanted
    assert all(each.message for each in problems)


def _line(path: Path, text: str) -> int:
    whole = path.read_text("utf-8")
    return whole[: whole.index(text)].count("\n") + 1

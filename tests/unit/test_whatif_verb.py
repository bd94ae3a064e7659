"""`vpbx whatif`: tables, CSV and JSON of a month by another tariff; what it refuses and what it tells."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from recorded_calls import Call, events_of

from orchestrator import definitions
from orchestrator.accounts import Tariffs, charge_due, take_events
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.cli.main import root
from orchestrator.errors import NotFound, PeriodRefused
from orchestrator.model.account import Activated
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
MARCH = "2026-03"
ANSWERED = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example platform with a ledger of months that are over; nothing here changes it."""
    made = tmp_path_factory.mktemp("whatif") / "project"
    shutil.copytree(EXAMPLES, made, ignore=shutil.ignore_patterns(".vpbx"))
    (made / ".vpbx").mkdir()
    tariffs = definitions.load(made).tariffs
    store = SqlStore.open(f"sqlite:///{made}/.vpbx/vpbx.db")
    for tenant, employees, options in (("acme", 9, {"crm": 1}), ("beta", 3, {})):
        activated = Activated("master", "Europe/Moscow", employees, options)
        begun = datetime(2026, 1, 20, 9, 0, tzinfo=UTC)
        with store.billing() as unit:
            take_events(unit, tenant, [activated], begun, Tariffs(tariffs), "apply")
    charge_due(store, Tariffs(tariffs), datetime.now(UTC))
    for number, to in ((1, "+74957654321"), (2, "+442071234567")):
        call = Call(number, 61, begin=ANSWERED, to=to)
        leg = leg_of(gather(events_of(call))[call.trunk_leg])
        usage = usage_of(leg) if leg is not None else None
        assert leg is not None and usage is not None
        charge = rate(usage, compile_tariff(tariffs["master"]), ZoneInfo("Europe/Moscow"))
        store.post([charge], [leg], "listener", ANSWERED)
    store.close()
    return made


def other(project: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A tariff file beside the one in force, changed."""
    text = (project / "tariffs" / "master.yaml").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    folder = project / "next" / name / "tariffs"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(project / "decks", folder.parent / "decks", dirs_exist_ok=True)
    (folder / "next.yaml").write_text(text.replace("slug: master", "slug: next"))
    return folder / "next.yaml"


def vpbx(project: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), "whatif", *map(str, arguments)])


def test_by_the_tariff_in_force_the_sums_are_the_ledgers(project: Path) -> None:
    own = json.loads(vpbx(project, "--period", MARCH, "--json").stdout)
    in_force = project / "tariffs" / "master.yaml"
    again = json.loads(vpbx(project, "--period", MARCH, "--tariff", in_force, "--json").stdout)
    assert (own["tariff"], again["tariff"]) == (None, "master")
    for told in (own, again):
        assert told["ledger_kop"] == told["whatif_kop"] > 290_000
        assert (told["winners"], told["losers"], told["difference_kop"]) == ([], [], 0)
    stated = CliRunner().invoke(
        root, ["-C", str(project), "statement", "acme", "--period", MARCH, "--format", "json"]
    )
    of_acme = next(each for each in again["tenants"] if each["tenant"] == "acme")
    assert json.loads(stated.stdout)["charged_kop"] == of_acme["ledger_kop"]


def test_winners_and_losers_stand_side_by_side(project: Path) -> None:
    new = other(
        project, "both", ('subscription: "1000.00"', 'subscription: "1100.00"'), ('"500.00"', '"300.00"')
    )
    told = json.loads(vpbx(project, "--period", MARCH, "--tariff", new, "--json").stdout)
    assert (told["winners"], told["losers"]) == (["acme"], ["beta"])
    by_kind = {(each["kind"], each["item"]): each for each in told["by_kind"]}
    assert by_kind["subscription", ""] == {
        "kind": "subscription",
        "item": "",
        "ledger_kop": 200_000,
        "whatif_kop": 220_000,
    }
    assert by_kind["option", "crm"]["whatif_kop"] == 30_000
    done = vpbx(project, "--period", MARCH, "--tariff", new)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0][:4] == ["tenant", "ledger", "what-if", "difference"]
    assert [(line[0], line[3]) for line in lines[1:4]] == [
        ("acme", "-100.00"),
        ("beta", "+100.00"),
        ("total", "0.00"),
    ]
    assert "would pay less: 1 (-100.00; most acme -100.00); more: 1 (+100.00" in done.stderr
    rows = list(
        csv.DictReader(io.StringIO(vpbx(project, "--period", MARCH, "--tariff", new, "--csv").stdout))
    )
    assert {row["tenant"] for row in rows} == {"acme", "beta"}
    crm = next(row for row in rows if row["item"] == "crm")
    assert (crm["ledger"], crm["whatif"], crm["difference"], crm["period"]) == (
        "500.00",
        "300.00",
        "-200.00",
        MARCH,
    )


def test_of_one_tenant_there_are_its_kinds_alone(project: Path) -> None:
    done = vpbx(project, "--period", MARCH, "--tenant", "beta")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].startswith("kind\titem\tledger\twhat-if")
    assert done.stdout.splitlines()[1].startswith("subscription\t\t1000.00\t1000.00")


def test_an_option_that_is_not_offered_is_told_and_shown(project: Path) -> None:
    text = (project / "tariffs" / "master.yaml").read_text()
    crm = text[text.index("  crm:\n") : text.index("  effective_sales:")]
    new = other(project, "no-crm", (crm, ""))
    done = vpbx(project, "--period", MARCH, "--tariff", new)
    assert done.exit_code == 0
    assert "not offered: acme has option crm, which next doesn't sell; 500.00 in the ledger" in done.stderr
    assert "without crm" in done.stdout
    told = json.loads(vpbx(project, "--period", MARCH, "--tariff", new, "--json").stdout)
    assert told["tenants"][0]["unoffered"] == [{"option": "crm", "quantity": 1, "ledger_kop": 50_000}]


def test_a_call_without_a_rate_is_listed_with_an_example_and_exits_with_1(project: Path) -> None:
    new = other(project, "no-britain")
    deck = new.parents[1] / "decks" / "multifon-business.csv"
    lines = deck.read_text().splitlines(keepends=True)
    deck.write_text("".join(line for line in lines if not line.startswith("44")))
    done = vpbx(project, "--period", MARCH, "--tariff", new)
    assert done.exit_code == 1
    assert "no rate: acme: 1 call(s) charged by prefix 44" in done.stderr
    assert "+442071234567" in done.stderr and "calls without a rate" in done.stdout


def test_another_rhythm_is_told_and_exits_with_1(project: Path) -> None:
    new = other(project, "quarters", ("  months: 1\n", "  months: 3\n"))
    done = vpbx(project, "--period", MARCH, "--tariff", new, "--csv")
    assert done.exit_code == 1
    assert "not computed: acme: tariff master, which it had, charges in another rhythm" in done.stderr
    assert {row["computed"] for row in csv.DictReader(io.StringIO(done.stdout))} == {"0"}


def test_a_month_that_is_not_over_is_refused(project: Path) -> None:
    for month in (datetime.now(ZoneInfo("Europe/Moscow")).strftime("%Y-%m"), "2099-01"):
        done = vpbx(project, "--period", month)
        assert isinstance(done.exception, PeriodRefused)
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("tenant", "said"), [("nobody", "no tenant 'nobody'"), ("beta", "beta was charged nothing in 2025-12")]
)
def test_a_tenant_that_is_unknown_or_was_not_charged_is_refused(
    project: Path, tenant: str, said: str
) -> None:
    done = vpbx(project, "--period", "2025-12", "--tenant", tenant)
    assert isinstance(done.exception, NotFound)
    assert said in done.exception.message


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (('subscription: "1000.00"', "subscribtion: 1000"), "subscribtion: 1000"),
        (
            (
                "support_percent:",
                'changes:\n  - {version: b, starts_on: 2026-02-01, options: {crn: "1"}}\nsupport_percent:',
            ),
            '  - {version: b, starts_on: 2026-02-01, options: {crn: "1"}}',
        ),
    ],
    ids=["unknown key", "unknown option"],
)
def test_faults_of_the_tariff_file_are_shown_where_they_are(
    project: Path, change: tuple[str, str], line: str
) -> None:
    new = other(project, "faulty", change)
    number = new.read_text().splitlines().index(line) + 1
    done = vpbx(project, "--period", MARCH, "--tariff", new)
    assert done.exit_code == 1
    assert f"{new}:{number}:" in done.stdout and "^" in done.stdout and line.strip() in done.stdout
    listed = json.loads(vpbx(project, "--period", MARCH, "--tariff", new, "--json").stdout)
    assert number in {problem["line"] for problem in listed["problems"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--period", "March"), "2026-10"),
        ((), "--period"),
        (("--period", MARCH, "--csv", "--json"), "exclude"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(project: Path, arguments: tuple[str, ...], said: str) -> None:
    done = vpbx(project, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.output


def test_the_database_file_is_the_same_to_the_byte(project: Path) -> None:
    file = project / ".vpbx" / "vpbx.db"
    vpbx(project, "--period", MARCH)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    for more in ((), ("--tariff", other(project, "bytes", ('"1000.00"', '"900.00"')))):
        assert vpbx(project, "--period", MARCH, *more).exit_code == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before

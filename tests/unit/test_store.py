"""The contract of the store, held against SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from recorded_calls import BEGIN, SYSTEMNAME, Call, events_of, tariff
from sqlalchemy import make_url, text

from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.errors import DatabaseUnavailable, DuplicateKey, LedgerBroken, NotFound, StorageError
from orchestrator.model.call import Charge, Leg
from orchestrator.model.record import BadRecord, RecordPosition
from orchestrator.storage import balances, database, ledger
from orchestrator.storage.rows import canonical
from orchestrator.storage.schema import metadata
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

NOW = datetime(2026, 9, 23, tzinfo=UTC)


def leg_and_charge(number: int = 1, talk_s: float = 61, tenant: str = "acme") -> tuple[Leg, Charge]:
    call = Call(number, talk_s, tenant=tenant)
    leg = leg_of(gather(events_of(call))[call.trunk_leg])
    assert leg is not None
    usage = usage_of(leg)
    assert usage is not None
    return leg, rate(usage, compile_tariff(tariff()), UTC)


class TestStore:
    """Every behaviour that callers may rely on."""

    def test_the_same_charge_is_posted_once(self, any_store: SqlStore) -> None:
        leg, charge = leg_and_charge()
        first = any_store.post([charge], [leg], "listener", NOW)
        again = any_store.post([charge, charge], [leg], "reconciliation", NOW + timedelta(hours=1))
        assert ((first.new, first.known), (again.new, again.known)) == ((1, 0), (0, 1))
        assert any_store.verify().entries == 1

    def test_a_key_with_another_content_is_refused_and_nothing_of_the_batch_stands(
        self, any_store: SqlStore
    ) -> None:
        leg, charge = leg_and_charge()
        any_store.post([charge], [leg], "listener", NOW)
        other_leg, other = leg_and_charge(2)
        before = any_store.dump()
        with pytest.raises(DuplicateKey):
            any_store.post([other, replace(charge, amount_kop=1)], [other_leg], "listener", NOW)
        assert any_store.dump() == before
        assert [known.uniqueid for known in any_store.calls(Asked())] == [leg.uniqueid]

    def test_every_entry_balances_and_a_reversal_takes_it_back_once(self, any_store: SqlStore) -> None:
        charges = [leg_and_charge(number)[1] for number in range(5)]
        any_store.post(charges, [], "listener", NOW)
        for _ in range(2):
            any_store.reverse(str(charges[2].key), "correction", NOW)
        posted = any_store.charges(Asked())
        assert sum(charge.amount_kop for charge in posted) == 4 * 460
        assert [charge.key for charge in posted if charge.reverses] == [f"{charges[2].key}/reversal"]
        assert any_store.verify().entries == 6

    def test_a_reversal_of_nothing_is_refused(self, any_store: SqlStore) -> None:
        with pytest.raises(NotFound):
            any_store.reverse("s1/s1-1.1/call", "correction", NOW)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE ledger_entry SET amount_kop = 1",
            "DELETE FROM ledger_entry",
            "UPDATE ledger_posting SET amount_kop = 0",
            "DELETE FROM ledger_posting",
        ],
    )
    def test_the_database_itself_refuses_to_change_an_entry(self, any_store: SqlStore, change: str) -> None:
        any_store.post([leg_and_charge()[1]], [], "listener", NOW)
        before = any_store.dump()
        with pytest.raises(StorageError, match="append-only"), any_store.database.writing() as connection:
            connection.execute(text(change))
        assert any_store.dump() == before

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ("UPDATE ledger_entry SET amount_kop = amount_kop - 1 WHERE seq = 2", "balance"),
            ("UPDATE ledger_posting SET amount_kop = 0 WHERE entry_seq = 2", "balance"),
            ("UPDATE ledger_entry SET facts = replace(facts, '61', '62') WHERE seq = 2", "changed"),
            ("UPDATE ledger_entry SET posted_at = posted_at + 1 WHERE seq = 2", "changed"),
            ("UPDATE ledger_entry SET path = 'x' WHERE seq = 2", "changed"),
            ("UPDATE ledger_entry SET hash = prev_hash WHERE seq = 2", "changed"),
            (
                "DELETE FROM ledger_posting WHERE entry_seq = 2; DELETE FROM ledger_entry WHERE seq = 2",
                "missing",
            ),
        ],
    )
    def test_a_change_behind_our_back_is_found(self, any_store: SqlStore, change: str, said: str) -> None:
        any_store.post([leg_and_charge(number)[1] for number in range(3)], [], "listener", NOW)
        with any_store.database.writing() as connection:
            _disarm(connection)
            for statement in change.split(";"):
                connection.execute(text(statement))
        with pytest.raises(LedgerBroken, match=said):
            any_store.verify()

    def test_the_ledger_holds_no_number_of_a_caller(self, any_store: SqlStore) -> None:
        leg, charge = leg_and_charge()
        any_store.post([charge], [leg], "listener", NOW)
        assert leg.to_number.removeprefix("+") not in any_store.dump()
        assert leg.from_number.removeprefix("+") not in any_store.dump()

    def test_writers_at_the_same_time_post_each_charge_once(
        self, any_store: SqlStore, database_url: str
    ) -> None:
        made = [leg_and_charge(number) for number in range(40)]
        others = [SqlStore.open(database_url) for _ in range(4)]

        def write(store: SqlStore) -> None:
            for leg, charge in made:
                store.post([charge], [leg], "listener", NOW)

        threads = [threading.Thread(target=write, args=(store,)) for store in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for store in others:
            store.close()
        assert any_store.verify().entries == 40

    def test_a_transaction_that_fails_leaves_neither_rows_nor_the_place_reached(
        self, any_store: SqlStore
    ) -> None:
        place = RecordPosition(2**63 + 5, 2**63 + 7, 0, "", 100)
        with pytest.raises(ZeroDivisionError), any_store.reconciling() as unit:
            unit.keep_events(events_of(Call(1, 61)))
            unit.reached(SYSTEMNAME, "cel", place)
            _ = 1 / 0
        with any_store.reconciling() as unit:
            assert unit.position(SYSTEMNAME, "cel") is None
            assert unit.events_of(SYSTEMNAME, [Call(1, 61).trunk_leg], ["ANSWER"]) == []
            unit.reached(SYSTEMNAME, "cel", place)
        with any_store.reconciling() as unit:
            assert unit.position(SYSTEMNAME, "cel") == place

    def test_events_are_stored_once_and_come_back_as_they_were(self, any_store: SqlStore) -> None:
        events = events_of(Call(1, 61, name="Ж \U0001f600"))
        with any_store.reconciling() as unit:
            unit.keep_events(events)
            unit.keep_events(events)
        assert list(any_store.call(Call(1, 61).linkedid).events) == sorted(
            events, key=lambda event: (event.at, event.uniqueid, event.kind)
        )

    def test_bytes_that_were_not_readable_are_kept_raw(self, any_store: SqlStore) -> None:
        with any_store.reconciling() as unit:
            unit.quarantine(SYSTEMNAME, [BadRecord("f", 7, b"\x00\xff", 2, "odd")], NOW)
        with any_store.database.reading() as connection:
            row = connection.execute(text("SELECT raw, reason FROM quarantine")).one()
        assert (bytes(row[0]), row[1]) == (b"\x00\xff", "odd")

    def test_open_legs_know_their_latest_evidence(self, any_store: SqlStore) -> None:
        call = Call(1, 61)
        leg = replace(leg_and_charge()[0], ended_at=None, cause=None)
        seen = BEGIN + timedelta(seconds=44)
        with any_store.reconciling() as unit:
            unit.keep_events(events_of(call)[:-5])
            unit.keep_legs([leg])
        any_store.heartbeat(SYSTEMNAME, [(call.trunk_leg, call.linkedid)], seen)
        with any_store.reconciling() as unit:
            assert (unit.open_legs(SYSTEMNAME, "", 10), unit.count_open(SYSTEMNAME)) == ([leg], 1)
            assert unit.last_known(leg) == seen
            unit.drop_heartbeats(SYSTEMNAME, NOW)
            assert unit.last_known(leg) == seen
            unit.keep_legs([leg_and_charge()[0]])
            assert unit.open_legs(SYSTEMNAME, "", 10) == []

    def test_lists_are_cut_by_tenant_time_and_number(self, any_store: SqlStore) -> None:
        made = [leg_and_charge(number, tenant=("acme", "beta")[number % 2]) for number in range(6)]
        any_store.post([charge for _, charge in made], [leg for leg, _ in made], "listener", NOW)
        assert {leg.tenant for leg in any_store.calls(Asked("acme"))} == {"acme"}
        assert len(any_store.charges(Asked("beta", limit=2))) == 2
        assert any_store.calls(Asked(since=NOW)) == any_store.calls(Asked(until=BEGIN)) == []
        listed = any_store.charges(Asked("beta"))[0]
        assert listed.leg in [leg for leg, _ in made]
        assert listed.facts["vat_percent"] == str(Decimal(22))

    def test_an_unknown_call_is_not_found(self, any_store: SqlStore) -> None:
        with pytest.raises(NotFound):
            any_store.call("s1-1.1")

    def test_the_schema_is_what_the_migrations_make(self, any_store: SqlStore) -> None:
        with any_store.database.reading() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_a_database_of_the_first_schema_is_brought_up_with_its_ledger(self, database_url: str) -> None:
        engine = database.open_engine(make_url(database_url))
        config = Config()
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            content, accounts = ledger.call_entry(leg_and_charge()[1])
            facts = json.loads(str(content["facts"]))
            for later in ("rate", "vat_mode", "time_zone", "tariff_digest"):
                del facts[later]
            before = {**content, "facts": canonical(facts)}
            ledger.chain(connection, [(before, accounts)], "listener", NOW)
        engine.dispose()
        brought_up = SqlStore.open(database_url)
        verified = brought_up.verify()
        assert (verified.entries, verified.not_recomputed) == (1, 1)
        assert brought_up.accounts() == {}
        with brought_up.database.reading() as connection:
            assert balances.all_kop(connection) == {"acme": -int(str(content["amount_kop"]))}
        brought_up.close()

    def test_several_that_open_a_new_database_at_once_all_succeed(self, database_url: str) -> None:
        outcomes: list[str] = []

        def open_once() -> None:
            SqlStore.open(database_url).close()
            outcomes.append("open")

        threads = [threading.Thread(target=open_once) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == ["open"] * 6

    def test_a_database_newer_than_the_program_is_refused(
        self, any_store: SqlStore, database_url: str
    ) -> None:
        with any_store.database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseUnavailable, match="9999"):
            SqlStore.open(database_url)


def test_replacing_an_entry_is_refused_by_sqlite(store: SqlStore) -> None:
    store.post([leg_and_charge()[1]], [], "listener", NOW)
    copy = "INSERT OR REPLACE INTO ledger_entry SELECT * FROM ledger_entry"
    with pytest.raises(StorageError, match="append-only"), store.database.writing() as connection:
        connection.execute(text(copy))


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert scripts.get_current_head() == database.HEAD


def test_sqlite_survives_power_loss_and_is_private(tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path}/new/vpbx.db")
    with store.database.reading() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        assert [connection.execute(text(f"PRAGMA {name}")).scalar() for name in asked] == ["wal", 2, 1]
    store.close()
    assert (tmp_path / "new" / "vpbx.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://localhost/x",
        "sqlite:////proc/no/such/place.db",
        "postgresql://nobody:geheim@127.0.0.1:1/x",
    ],
)
def test_a_database_that_cannot_be_opened_says_so_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        SqlStore.open(url)
    assert "geheim" not in caught.value.message


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vpbx.db").write_bytes(b"no database" * 500)
    with pytest.raises(DatabaseUnavailable):
        SqlStore.open(f"sqlite:///{tmp_path}/vpbx.db")


def _disarm(connection) -> None:  # type: ignore[no-untyped-def]
    """Take the triggers off, as whoever tampers with the file would."""
    if connection.dialect.name == "postgresql":
        for table in ("ledger_entry", "ledger_posting"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
    for name in names:
        connection.execute(text(f"DROP TRIGGER {name}"))

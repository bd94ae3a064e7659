"""The example of where calls go: its calls reach what it expects, and it shows what can be written."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from click.testing import CliRunner
from rendered_cases import CASES

from orchestrator import definitions
from orchestrator.cli.main import root
from orchestrator.model.tenant import DISTRIBUTIONS, Tenant
from orchestrator.routing.compile import compile_tenant

PROJECT = CASES["routing"]
LOADED = definitions.load(PROJECT)
TENANTS = [LOADED.tenants[name] for name in sorted(LOADED.tenants)]
SHOWN = (
    *("schedules", "menus", "caller_lists", "block", "switches", "mailboxes", "external_numbers"),
    *("ringback", "music_on_hold", "caller_ids", "verified_numbers", "departments", "expects"),
)


def test_its_calls_reach_what_it_expects_of_them() -> None:
    done = CliRunner().invoke(root, ["-C", str(PROJECT), "test"])
    told = f"{sum(len(each.expects) for each in TENANTS)} expectation(s), 0 not met\n"
    assert (done.exit_code, done.output) == (0, told)


def test_it_shows_what_a_tenant_can_write_about_its_calls() -> None:
    assert set(SHOWN) <= {field.name for field in fields(Tenant)}
    assert [name for name in SHOWN if not any(getattr(each, name) for each in TENANTS)] == []
    used = {department.distribution for each in TENANTS for department in each.departments}
    assert used == set(DISTRIBUTIONS)
    assert LOADED.costs and any(table.ported for table in LOADED.costs.values())
    assert any(employee.mobile_rings for each in TENANTS for employee in each.employees)


def test_every_kind_of_target_is_there() -> None:
    text = "".join((PROJECT / f"tenants/{each.name}.yaml").read_text() for each in TENANTS)
    page = (Path(__file__).parents[2] / "docs/routing.md").read_text().split("## Schedules")[0]
    targets = [line.split("{")[1].split(":")[0] for line in page.splitlines() if line.startswith("| `{")]
    assert len(targets) >= 12
    assert [target for target in targets if f"{target}:" not in text] == []
    for tenant in TENANTS:
        assert compile_tenant(LOADED, tenant).steps

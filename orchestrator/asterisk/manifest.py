"""What a generation of a switch's configuration holds, who made it and why: its `generation.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.errors import ApplyFailed
from orchestrator.planning.services import WantedService, Wish

MANIFEST = "generation.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a generation, when, why, and from which commit.

    Args: made_at: aware UTC. user: as the machine knows them. why: `apply`, or what it went back to and why.
    commit: of the project's Git repository, with `+` when files differ from it; empty where there is none.
    """

    made_at: datetime
    user: str
    why: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class LivePart:
    """A tenant's part in a generation.

    Args: digest, steps: see `rendering.TenantPart`. source: digest of what it was made from. facts: digest of
    what it is in service terms. prompts: digest of each of its sound files, by name on the switch.
    """

    digest: str
    steps: str
    source: str
    facts: str
    prompts: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> tuple[str, str, Mapping[str, str]]:
        """What makes it another part: not what it was made from."""
        return self.digest, self.facts, self.prompts


@dataclass(frozen=True, slots=True)
class Retired:
    """Steps of a tenant (or, tenant empty, blocks) that aren't live any more. Args: since: aware UTC."""

    tenant: str
    version: str
    since: datetime

    @property
    def file(self) -> str:
        return f"dialplan/retired/{self.tenant or 'blocks'}.{self.version}.conf"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A generation.

    Args:
        shared: digest of each file that all tenants share, by path. source: of what they were made from.
        blocks: version of the dialplan's blocks. trunks: what trunks carry as their generation.
        marks: what the switch says of each dialplan file that all share, by path.
        base: number of the one before; 0: none.
        changes: what was new, in words, by tenant (empty name: the platform).
        services: what each tenant is served with; None: it is disconnected. Accounts follow it.
        kept: tenants whose file is gone: they are here as they were, and their accounts are left alone.
    """

    number: int
    base: int
    origin: Origin
    source: str
    shared: Mapping[str, str]
    blocks: str
    trunks: str
    marks: Mapping[str, str]
    tenants: Mapping[str, LivePart]
    retired: tuple[Retired, ...] = ()
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: Mapping[str, Wish] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    @property
    def wanted(self) -> Mapping[str, Wish]:
        """What accounts are brought to when it goes live."""
        return {name: service for name, service in self.services.items() if name not in self.kept}

    def same_as(self, other: Manifest | None) -> bool:
        """Whether a switch that has the other one needs nothing of this one."""
        return (
            other is not None
            and self.shared == other.shared
            and {name: part.content for name, part in self.tenants.items()}
            == {name: part.content for name, part in other.tenants.items()}
        )


def write_manifest(manifest: Manifest) -> str:
    """The text of `generation.json`."""
    tenants = {
        name: {
            "digest": part.digest,
            "steps": part.steps,
            "source": part.source,
            "facts": part.facts,
            "prompts": dict(part.prompts),
        }
        for name, part in manifest.tenants.items()
    }
    told = asdict(replace(manifest, tenants={}, services={}))
    told["services"] = {
        name: None
        if each is None
        else {
            "tariff": each.tariff,
            "time_zone": each.time_zone,
            "employees": each.employees,
            "options": dict(each.options),
        }
        for name, each in manifest.services.items()
    }
    told["origin"]["made_at"] = manifest.origin.made_at.isoformat()
    told["retired"] = [
        {"tenant": old.tenant, "version": old.version, "since": old.since.isoformat()}
        for old in manifest.retired
    ]
    # Indented it would take ten times as long to write: Python's fast writer has no indent.
    return json.dumps({"version": _VERSION, **told, "tenants": tenants}, ensure_ascii=False) + "\n"


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest in a generation's directory; None: it was made before there were any.

    One made before services were kept in it has none: it says nothing of anybody's account.

    Raises: ApplyFailed: it can't be read, or is damaged.
    """
    path = directory / MANIFEST
    try:
        told = json.loads(path.read_text("utf-8"))
        return Manifest(
            number=int(told["number"]),
            base=int(told["base"]),
            origin=Origin(
                datetime.fromisoformat(told["origin"]["made_at"]),
                told["origin"]["user"],
                told["origin"]["why"],
                told["origin"]["commit"],
            ),
            source=told["source"],
            shared=told["shared"],
            blocks=told["blocks"],
            trunks=told["trunks"],
            marks=told["marks"],
            tenants={
                name: LivePart(part["digest"], part["steps"], part["source"], part["facts"], part["prompts"])
                for name, part in told["tenants"].items()
            },
            retired=tuple(
                Retired(old["tenant"], old["version"], datetime.fromisoformat(old["since"]))
                for old in told["retired"]
            ),
            changes={name: tuple(lines) for name, lines in told["changes"].items()},
            services={name: _service(each) for name, each in told.get("services", {}).items()},
            kept=tuple(told.get("kept", ())),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApplyFailed(
            f"{path}: damaged ({type(error).__name__})", "remove that generation's directory, then apply"
        ) from error


def _service(told: Any) -> Wish:
    if told is None:
        return None
    options = {str(slug): int(quantity) for slug, quantity in told["options"].items()}
    return WantedService(told["tariff"], told["time_zone"], int(told["employees"]), options)

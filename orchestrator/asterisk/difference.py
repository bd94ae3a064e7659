"""Two generations of one node, compared: what the switch must read, have, and no longer have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.asterisk.dialplan import Dialplan, parse
from orchestrator.asterisk.generations import Generation
from orchestrator.asterisk.manifest import LivePart, Manifest
from orchestrator.asterisk.phones import Phone, phones_of
from orchestrator.asterisk.transports import only_by_restart
from orchestrator.rendering.render import dialplan_file, phones_file, steps_context

RELOADS: Sequence[tuple[str, str]] = (
    ("musiconhold.conf", "res_musiconhold.so"),
    ("pjsip.conf", "res_pjsip.so"),
    ("pjsip.conf", "res_pjsip_outbound_registration.so"),
    ("dialplan/", "pbx_config.so"),
    ("extensions.conf", "pbx_config.so"),
    ("manager.conf", "manager"),
    ("cel.conf", "cel"),
    ("cel_custom.conf", "cel_custom.so"),
    ("cdr.conf", "cdr"),
    ("cdr_custom.conf", "cdr_custom.so"),
    ("logger.conf", "logger"),
    ("features.conf", "features"),
    ("indications.conf", "indications"),
    ("rtp.conf", "res_rtp_asterisk.so"),
    ("voicemail.conf", "app_voicemail.so"),
)
"""What is reloaded when a file whose path begins so has changed; in this order."""

RESTARTS = (
    "modules.conf",
    "pjproject.conf",
    "stasis.conf",
    "acl.conf",
    "ccss.conf",
    "udptl.conf",
    "sorcery.conf",
    "extconfig.conf",
    "res_config_sqlite3.conf",
)
"""Files that only a restart reads again."""

MOST_SPLICED = 25
"""Tenants whose dialplan is put in action by action; beyond it reading everything again is cheaper."""

_DIALPLAN = "pbx_config.so"
_TRANSPORTS = "pjsip.conf"
_SHARED_DIALPLAN = ("dialplan/", "extensions.conf")


@dataclass(frozen=True, slots=True)
class Difference:
    """What one generation has that another has not.

    Args:
        shared: changed files that all tenants share. tenants: those whose part is another or new.
        steps: those of them whose dialplan is. gone: tenants of the old one that the new one lacks.
    """

    shared: tuple[str, ...]
    tenants: tuple[str, ...]
    steps: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Every changed path, sorted."""
        dialplans = [dialplan_file(name) for name in (*self.steps, *self.gone)]
        phones = [phones_file(name) for name in (*self.tenants, *self.gone)]
        return tuple(sorted({*self.shared, *dialplans, *phones}))

    def restarts(self, before: Generation, transports: str) -> tuple[str, ...]:
        """Changed files, and transports in `pjsip.conf`, that only a restart reads.

        Args: before: what the switch has read. transports: the text of the `pjsip.conf` that it is to read.
        """
        files = tuple(path for path in self.shared if path in RESTARTS)
        if _TRANSPORTS not in self.shared:
            return files
        moved = only_by_restart((before.path / _TRANSPORTS).read_text("utf-8"), transports)
        return (*files, *(f"{_TRANSPORTS} [{name}]" for name in moved))

    @property
    def spliced(self) -> bool:
        """Whether the tenants' dialplan can be put in without reading everything again."""
        others = any(path.startswith(_SHARED_DIALPLAN) for path in self.shared)
        return not others and len(self.steps) + len(self.gone) <= MOST_SPLICED

    @property
    def all_reloads(self) -> tuple[str, ...]:
        """The modules whose input changed; none for phones, whose rows are read when they are needed."""
        dialplans = [dialplan_file(name) for name in (*self.steps, *self.gone)]
        return modules_to_reload([*self.shared, *dialplans])

    @property
    def reloads(self) -> tuple[str, ...]:
        """Those that remain when the tenants' dialplan is spliced."""
        return tuple(module for module in self.all_reloads if not (self.spliced and module == _DIALPLAN))


def difference(before: Manifest | None, after: Manifest) -> Difference:
    """What `after` has that `before` has not; all of it when there is no before."""
    shared = {} if before is None else before.shared
    tenants = {} if before is None else before.tenants
    changed = [name for name, part in after.tenants.items() if _digest(tenants, name) != part.digest]
    steps = [
        name for name in changed if name not in tenants or tenants[name].steps != after.tenants[name].steps
    ]
    return Difference(
        shared=tuple(
            sorted(path for path in {*shared, *after.shared} if shared.get(path) != after.shared.get(path))
        ),
        tenants=tuple(sorted(changed)),
        steps=tuple(sorted(steps)),
        gone=tuple(sorted(set(tenants) - set(after.tenants))),
    )


def modules_to_reload(changed: Sequence[str]) -> tuple[str, ...]:
    """The modules whose input changed.

    >>> modules_to_reload(["dialplan/tenants/acme.conf", "rtp.conf"])
    ('pbx_config.so', 'res_rtp_asterisk.so')
    """
    modules = (module for prefix, module in RELOADS if any(path.startswith(prefix) for path in changed))
    return tuple(dict.fromkeys(modules))


def dialplan_of(generation: Generation | None, tenants: Sequence[str]) -> Dialplan:
    """The dialplan of some tenants of a generation, as one; those it lacks add nothing."""
    if generation is None:
        return Dialplan({}, ())
    texts = [
        path.read_text("utf-8")
        for path in (generation.path / dialplan_file(name) for name in tenants)
        if path.exists()
    ]
    return parse("\n".join(texts))


def phones_in(generation: Generation, manifest: Manifest, tenants: Sequence[str]) -> dict[str, Phone]:
    """Phones of some tenants of a generation, by endpoint."""
    return {
        phone.endpoint: phone
        for name in tenants
        if name in manifest.tenants
        for phone in phones_of(name, (generation.path / phones_file(name)).read_text("utf-8"))
    }


def retired_contexts(manifest: Manifest) -> frozenset[str]:
    """Contexts of steps that calls may still be in."""
    return frozenset(steps_context(old.tenant, old.version) for old in manifest.retired if old.tenant)


def _digest(tenants: Mapping[str, LivePart], name: str) -> str:
    return tenants[name].digest if name in tenants else ""

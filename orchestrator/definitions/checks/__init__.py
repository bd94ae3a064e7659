"""What must hold between fields and between files.

Every check passes over stand-ins (empty texts, zero ports) and over what refers to a file that can't be read:
those have their own problem already.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from orchestrator.definitions.checks.least_cost import check_least_cost
from orchestrator.definitions.checks.media import check_platform_media, check_tenant_media
from orchestrator.definitions.checks.numbers import check_numbers
from orchestrator.definitions.checks.platform import check_platform
from orchestrator.definitions.checks.rates import check_rates
from orchestrator.definitions.checks.tariff import check_name, check_tariff
from orchestrator.definitions.checks.tenant import check_tenant
from orchestrator.definitions.document import Written
from orchestrator.definitions.shapes import PROBLEM_LIMIT
from orchestrator.model.problem import Problem


def check_all(written: Written) -> Iterator[Problem]:
    """Every problem between fields and files, in no order."""
    if written.platform is not None:
        yield from _some(check_platform(written.platform, written.known_tariffs))
        yield from _some(check_platform_media(written.platform))
    for tariff in written.tariffs.values():
        yield from check_name(tariff)
        yield from check_tariff(tariff)
    for tenant in written.tenants.values():
        yield from _some(check_tenant(tenant, written))
        if written.platform is not None:
            yield from check_tenant_media(tenant, written.platform.value.platform)
    yield from check_numbers(written.tenants, written.platform)
    yield from check_rates(written)
    yield from check_least_cost(written)


def _some(problems: Iterator[Problem]) -> Iterator[Problem]:
    """As many as will be told."""
    return islice(problems, PROBLEM_LIMIT + 1)

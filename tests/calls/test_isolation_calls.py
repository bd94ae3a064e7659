"""No tenant's call reaches another, whatever it tries; where what is rendered leaks, it is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.neighbours import LEAKS, Neighbourhood, leaking, refer, talk, through, turned

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Neighbourhood]:
    with Neighbourhood(tmp_path_factory.mktemp("neighbours") / "project", asterisk, 3) as made:
        yield made


def test_nothing_that_a_tenant_tries_gets_through_to_another(neighbours: Neighbourhood) -> None:
    assert through(neighbours.tenants) == (6, [])
    assert turned(neighbours.site) == []


def test_the_same_gets_through_within_a_tenant(neighbours: Neighbourhood) -> None:
    """What is refused to others isn't refused because of how it is asked."""
    own = neighbours.tenants[0]
    for number in (own.extension, own.code):
        code, call = own.first.invite(number)
        assert code == 200 and call is not None
        own.first.bye(call)
    assert refer(own, talk(own), own.extension) == 200
    call = talk(own)
    replaces = f"Replaces: {call.call_id};to-tag={call.other_tag};from-tag={call.own_tag}\r\n"
    code, instead = own.third.invite("102", replaces)
    assert code == 200 and instead is not None
    own.third.bye(instead)
    code, call = own.first.invite(own.code)
    assert call is not None and turned(neighbours.site) == []


@pytest.mark.parametrize("leak", LEAKS)
def test_a_rendering_that_leaks_is_caught_by_calls(neighbours: Neighbourhood, leak: str) -> None:
    first, second, _ = neighbours.tenants
    with leaking(neighbours.site, leak, first.name, second.name):
        _, found = through((first, second))
    assert f"{first.name} -> {second.name}: {LEAKS[leak].probe}" in found
    assert all(fault.startswith(f"{first.name} -> ") for fault in found)


def test_tags_of_the_switch_can_not_be_guessed(neighbours: Neighbourhood) -> None:
    """Who knows both tags of a call may replace it (RFC 3891): the switch's are long, and never the same."""
    tags = [tag for tenant in neighbours.tenants for tag in tenant.first.tags]
    assert len(set(tags)) == len(tags) > 5
    assert all(len(tag.replace("-", "")) >= 32 for tag in tags)

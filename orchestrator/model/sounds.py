"""All that a tenant's file gives callers to hear, and where it says so."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.prompt import Prompt
from orchestrator.model.tenant import Tenant

YamlPath = tuple[str | int, ...]


def prompts_of(tenant: Tenant) -> Iterator[tuple[YamlPath, Prompt]]:
    """What is played once, with its path in the tenant's file."""
    recording = tenant.recording
    yield from _there(
        (("recording", "announce"), recording.announce),
        (("recording", "announce_outbound"), recording.announce_outbound),
        *((("numbers", did.number, "greeting"), did.greeting) for did in tenant.numbers),
        *((("menus", menu.name, "prompt"), menu.prompt) for menu in tenant.menus),
        *((("menus", menu.name, "invalid", "prompt"), menu.invalid_prompt) for menu in tenant.menus),
        *((("mailboxes", each.name, "greeting"), each.greeting) for each in tenant.mailboxes),
    )


def music_of(tenant: Tenant) -> Iterator[tuple[YamlPath, Prompt]]:
    """What is played over and over, with its path in the tenant's file."""
    yield from _there(
        (("ringback",), tenant.ringback),
        (("music_on_hold",), tenant.music_on_hold),
        *((("employees", index, "ringback"), each.ringback) for index, each in enumerate(tenant.employees)),
        *((("departments", each.name, "ringback"), each.ringback) for each in tenant.departments),
        *(
            (("departments", each.name, "waiting", "music"), each.waiting.music)
            for each in tenant.departments
            if each.waiting is not None
        ),
        *((("numbers", did.number, "ringback"), did.ringback) for did in tenant.numbers),
    )


def _there(*written: tuple[YamlPath, Prompt]) -> Iterator[tuple[YamlPath, Prompt]]:
    yield from ((path, prompt) for path, prompt in written if prompt)

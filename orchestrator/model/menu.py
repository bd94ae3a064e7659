"""A menu: what a caller hears, and where each key leads (IVR)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.prompt import SILENCE, Prompt

if TYPE_CHECKING:
    from orchestrator.model.tenant import Target


@dataclass(frozen=True, slots=True)
class Menu:
    """Args:
    prompt: what it plays. keys: where each leads, as it is pressed: one or two digits, or `*`; sorted.
    extension: what reaches it from inside; may be empty. dial_extension: an employee's or department's
        extension may be dialled.
    wait_s: for the first key, after the prompt. tries: how often it asks in all.
    invalid, timeout: where the call goes after the last of them went so; None: it ends.
    invalid_prompt: what is heard after a key that isn't there.
    """

    name: str
    prompt: Prompt
    keys: tuple[tuple[str, Target], ...]
    extension: str = ""
    dial_extension: bool = False
    wait_s: int = 5
    tries: int = 3
    invalid_prompt: Prompt = SILENCE
    invalid: Target | None = None
    timeout: Target | None = None
    position: Position = field(default=NOWHERE, compare=False)

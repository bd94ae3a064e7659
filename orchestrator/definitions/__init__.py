"""YAML with positions -> model, or all problems at once."""

from orchestrator.definitions.load import check, load, load_platform, load_tariffs
from orchestrator.definitions.show import show

__all__ = ["check", "load", "load_platform", "load_tariffs", "show"]

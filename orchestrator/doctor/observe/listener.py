"""The health page of the node's listener."""

from __future__ import annotations

import json

from orchestrator.doctor.listener import Listener
from orchestrator.doctor.observe.sockets import listener_pid
from orchestrator.doctor.subject import Subject
from orchestrator.listener_page import page
from orchestrator.model.platform import Address


def observe(subject: Subject) -> Listener:
    """Ask the address that the node gives for health."""
    running = listener_pid(subject) is not None
    try:
        return Listener(subject.node.name, running, _health(subject.node.metrics))
    except ConnectionRefusedError:
        return Listener(subject.node.name, running, None, "nothing listens there")
    except OSError as error:
        return Listener(subject.node.name, running, None, str(error) or "no answer in time")


def _health(where: Address) -> dict[str, object]:
    """What is answered; an empty page when it is nothing that vpbx would answer. Raises: OSError."""
    try:
        told = json.loads(page(where, "/health"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}

"""The health page of the node's listener."""

from __future__ import annotations

import http.client
import json

from orchestrator.doctor.listener import Listener
from orchestrator.doctor.observe.sockets import listener_pid
from orchestrator.doctor.subject import Subject
from orchestrator.model.platform import Address

_DEADLINE_S = 3.0
_LONGEST_PAGE = 1 << 20


def observe(subject: Subject) -> Listener:
    """Ask the address that the node gives for health."""
    running = listener_pid(subject) is not None
    try:
        return Listener(subject.node.name, running, _page(subject.node.metrics))
    except ConnectionRefusedError:
        return Listener(subject.node.name, running, None, "nothing listens there")
    except OSError as error:
        return Listener(subject.node.name, running, None, str(error) or "no answer in time")


def _page(where: Address) -> dict[str, object]:
    """What is answered; an empty page when it is nothing that vpbx would answer. Raises: OSError."""
    connection = http.client.HTTPConnection(where.host, where.port, timeout=_DEADLINE_S)
    try:
        connection.request("GET", "/health")
        text = connection.getresponse().read(_LONGEST_PAGE)
        page = json.loads(text)
    except (ValueError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return page if isinstance(page, dict) else {}

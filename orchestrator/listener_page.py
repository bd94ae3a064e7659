"""A page of a node's listener, asked for by other programs of vpbx."""

from __future__ import annotations

import http.client

from orchestrator.model.platform import Address

_DEADLINE_S = 3.0
_LONGEST_PAGE = 1 << 20


def page(where: Address, path: str) -> bytes:
    """What is answered; empty when it is no HTTP.

    Args: where: the node's address for metrics. path: with its query.
    Raises: OSError: nobody listens there, or nothing came in time.
    """
    connection = http.client.HTTPConnection(where.host, where.port, timeout=_DEADLINE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read(_LONGEST_PAGE)
    except http.client.HTTPException:
        return b""
    finally:
        connection.close()

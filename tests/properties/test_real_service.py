"""Tenants' services in a real database: any sequence of what may happen, against the naive model.

`make proof-history` runs thousands of such sequences; here are some.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from service_machine import ServiceMachine

TestService = ServiceMachine.TestCase
TestService.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)

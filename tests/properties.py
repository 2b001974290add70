"""Settings of the property-based tests: no deadlines, as machines differ, and nothing left on the disk."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

QUICKLY = settings(
    deadline=None,
    database=None,
    derandomize=True,  # a run of CI says the same each time; new cases come with changed tests
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

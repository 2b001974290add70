"""The catalog keeps the rules of the group hardening, as it ships."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Run

ROOT = Path(__file__).parents[2]


def test_nothing_in_the_catalog_may_do_more_than_it_needs(run: Run) -> None:
    found = json.loads(run("validate", str(ROOT), "--group", "hardening", "--rules", "GB5", "-o", "json").out)
    assert found["objects"] > 100
    # What a sandbox's real node runs for itself is not of the catalog: CoreDNS has to bind port 53.
    ours = [one for one in found["findings"] if not one["file"].startswith("bootstrap/sandbox/node/")]
    assert [(one["rule"], one["message"]) for one in ours] == []

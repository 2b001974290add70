"""What caches hold is theirs who wrote it: another source, another key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bootstrap.core.fingerprint import fingerprint

ROOT = Path(__file__).parents[2]


def test_one_changed_byte_of_a_rule_is_another_key(tmp_path: Path) -> None:
    copy = tmp_path / "bootstrap"
    subprocess.run(["cp", "-r", str(ROOT / "bootstrap"), str(copy)], check=True)

    def asked() -> str:
        code = "from bootstrap.core.fingerprint import fingerprint as f; print(f('repository', 'validate'))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    before = asked()
    assert before == fingerprint("repository", "validate")
    rule = copy / "validate/rules/apps.py"
    rule.write_text(rule.read_text().replace("error", "warning", 1))
    assert asked() != before

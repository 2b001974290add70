"""What is in a release: the locked requirements as CycloneDX JSON, on standard output.

sbom.py VERSION requirements.txt
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(text: str) -> list[dict[str, Any]]:
    """A component for each requirement, in the file's order, with the sha256 of each of its files."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if requirement := _REQUIREMENT.match(line):
            name, version = requirement["name"].lower(), requirement["version"]
            purl = f"pkg:pypi/{name}@{version}"
            found.append(
                {
                    "type": "library",
                    "bom-ref": purl,
                    "name": name,
                    "version": version,
                    "purl": purl,
                    "hashes": [],
                }
            )
        elif digest := _HASH.search(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest[1]})
    return found


def document(version: str, text: str) -> dict[str, Any]:
    """The whole document; it has no timestamp and no serial number, so that it is the same each time."""
    purl = f"pkg:pypi/gitops-bootstrap@{version}"
    parts = components(text)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": "gitops-bootstrap",
                "version": version,
                "purl": purl,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": purl, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


if __name__ == "__main__":
    print(json.dumps(document(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8")), indent=2))

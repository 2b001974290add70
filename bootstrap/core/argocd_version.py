"""The release of Argo CD that `init` installs and the sandbox runs: the one place to change for a new one."""

from __future__ import annotations

from collections.abc import Mapping

ARGOCD_VERSION = "v3.6.1"

MANIFEST_SHA256: Mapping[str, str] = {
    "install": "7be23ca7d9ca3d3074dee8332f1ca92a933b990cee7c9cf22cf3843ee8c2913e",
    "ha": "37b0e8f5ff512017cda28578fecdb585267ec69e02954a67449296724635b05a",
    "core": "0b38189d6e1fd76ef5c3db10355026c48a02020d82bf21a1a1b5ab16dffe4f3c",
}
"""Variant of the manifest → its checksum."""

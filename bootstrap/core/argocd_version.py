"""The release of Argo CD that `init` installs and the sandbox runs, and the earlier ones that are known.

`scripts/pin_argocd.py` writes the table, and everything else that names a release.
"""

from __future__ import annotations

from collections.abc import Mapping

MANIFESTS: Mapping[str, Mapping[str, str]] = {
    "v3.6.1": {
        "install": "7be23ca7d9ca3d3074dee8332f1ca92a933b990cee7c9cf22cf3843ee8c2913e",
        "ha": "37b0e8f5ff512017cda28578fecdb585267ec69e02954a67449296724635b05a",
        "core": "0b38189d6e1fd76ef5c3db10355026c48a02020d82bf21a1a1b5ab16dffe4f3c",
    },
    "v3.5.7": {
        "install": "09bfbb9041b4a8503c6e4fa22cf41c403fa62be17526de353648a4551f5beb77",
        "ha": "d7b75669da63dc218de0ea67ac00183783cebabd52147c3cf012250faa5ced85",
        "core": "a7ab521e55a511af9274294afafc87cddf9621a34ac255b4b20cd31989e1ecbc",
    },
    "v3.4.13": {
        "install": "2904fe432572425803e6519d59ded69f79ce0b1da38c4952c5989b83051bb445",
        "ha": "af4a0f123485881618199f3794b214c1c7ec6c6644c803383d09baa5e1df329d",
        "core": "b39b88734965fe893ef914fa910a6410109c176b494244c0798b83eb9d7ef9a4",
    },
}
"""Release → variant of its manifest → sha256; the pinned release first. `upgrade --argocd` goes through the
earlier minors."""

ARGOCD_VERSION = next(iter(MANIFESTS))

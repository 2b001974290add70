"""The program's own names, and the version of Argo CD that it installs."""

RECORD = "bootstrap.yaml"
"""The file at the top of a repository: what was laid out, and the settings of checks and images."""

REVIEW_TRAILER = "Bootstrap-Branch"
"""In a commit's message: the branch of that name is ours to replace."""

ARGOCD_VERSION = "v3.6.1"
"""The one pin: what `init` installs and the sandbox runs. Its checksums are in argocd/install_manifest.py."""

IN_CLUSTER = "https://kubernetes.default.svc"
"""Argo CD's name for the cluster that it runs in."""

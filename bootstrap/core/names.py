"""What the program calls its own, and the version of Argo CD that it is made for."""

RECORD = "bootstrap.yaml"
"""The file at the top of a repository: what was laid out, and the settings of checks and images."""

ARGOCD_VERSION = "v3.6.1"
"""The one pin: what `init` installs and the sandbox runs. Its checksums are in argocd/install_manifest.py."""

IN_CLUSTER = "https://kubernetes.default.svc"
"""What Argo CD calls the cluster that it runs in."""

"""The program's own names, and the version of Argo CD that it installs."""

RECORD = "bootstrap.yaml"
"""The file at the top of a repository: what was laid out, and the settings of checks and images."""

ARGOCD_VERSION = "v3.6.1"
"""The one pin: what `init` installs and the sandbox runs. Its checksums are in argocd/install_manifest.py."""

GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
"""The annotation with the paths whose changes concern an Application."""

IN_CLUSTER = "https://kubernetes.default.svc"
"""Argo CD's name for the cluster that it runs in."""

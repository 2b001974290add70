"""The program's own names, and Argo CD's, that packages of one floor need."""

RECORD = "bootstrap.yaml"
"""The file at the top of a repository: what was laid out, and the settings of checks and images."""

REVIEW_TRAILER = "Bootstrap-Branch"
"""In a commit's message: the branch of that name is ours to replace."""

GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
"""The annotation with the paths whose changes concern an Application."""

IN_CLUSTER = "https://kubernetes.default.svc"
"""Argo CD's name for the cluster that it runs in."""

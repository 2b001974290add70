"""Bootstrap a GitOps repository: install Argo CD, lay out an app of apps, keep both in step."""

__version__ = "0.1.0"

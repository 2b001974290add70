"""`bootstrap init`: install Argo CD and lay out a GitOps repository."""

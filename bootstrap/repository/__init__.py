"""Read a GitOps repository: its Applications and what each applies."""

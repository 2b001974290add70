"""Kubernetes objects as data: find, select, follow a reference."""

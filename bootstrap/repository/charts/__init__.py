"""Helm charts of Applications: fetched if that was requested, and rendered as Argo CD renders them."""

"""Image references and registries."""

"""What `init` lays out: catalog, settings, components, merge."""

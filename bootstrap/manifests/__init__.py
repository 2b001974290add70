"""Read YAML as Kubernetes does, with lines, and split it into objects."""

"""`bootstrap uninstall`: remove what `init` installed in a cluster, and nothing else."""

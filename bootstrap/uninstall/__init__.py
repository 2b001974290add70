"""`bootstrap uninstall`: take away what `init` brought into a cluster, and nothing else."""

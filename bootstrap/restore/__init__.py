"""`bootstrap restore`: restore a backup, before `init --cluster-only`."""

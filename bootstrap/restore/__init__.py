"""`bootstrap restore`: bring back what a backup has, before `init --cluster-only`."""

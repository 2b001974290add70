"""`bootstrap cluster`: rotate what a cluster and its Git host share, or move it to another repository."""

"""`bootstrap cluster`: rotate what a cluster and its Git host share; move it, or rename it."""

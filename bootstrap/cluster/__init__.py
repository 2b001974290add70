"""`bootstrap cluster`: rotate what a cluster and its Git host share, and let it follow another repository."""

"""`bootstrap doctor`: check programs, cluster, rights, Argo CD and its Git host."""

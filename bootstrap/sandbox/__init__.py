"""`bootstrap sandbox`: a real cluster, Argo CD and Git host on this machine."""

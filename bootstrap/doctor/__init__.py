"""`bootstrap doctor`: look at programs, cluster, rights, Argo CD and its Git host."""

"""Evaluates CEL, Kubernetes' expression language, in a child process that can do nothing else."""

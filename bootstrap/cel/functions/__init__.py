"""The functions that Kubernetes adds to CEL, in Python; their arguments and results are CEL's plain data."""

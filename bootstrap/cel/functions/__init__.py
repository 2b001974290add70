"""The functions that Kubernetes adds to CEL, in Python; what they take and give is CEL's plain data."""

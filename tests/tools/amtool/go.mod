// The amtool that tests run, pinned. Built from the Go module proxy by tests/tools.
module gitops-bootstrap.invalid/tests/amtool

go 1.26.8

require github.com/prometheus/alertmanager v0.34.2

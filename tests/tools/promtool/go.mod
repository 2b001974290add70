// The promtool that tests run, pinned. Built from the Go module proxy by tests/tools.
module gitops-bootstrap.invalid/tests/promtool

go 1.26.8

require github.com/prometheus/prometheus v0.316.0

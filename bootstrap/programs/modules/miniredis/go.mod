// The in-memory Redis that the sandbox runs, pinned. Built from the Go module proxy by programs.py.
module gitops-bootstrap.invalid/sandbox/miniredis

go 1.24.0

require github.com/alicebob/miniredis/v2 v2.40.0

require github.com/yuin/gopher-lua v1.1.1 // indirect

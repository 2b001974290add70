// What keeps a pod's namespaces on a sandbox's real node. It needs nothing but Go's standard library.
module gitops-bootstrap.invalid/sandbox/pause

go 1.24.0

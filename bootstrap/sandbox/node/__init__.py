"""The real node of a sandbox: kubelet, containerd and what belongs to them, in namespaces of their own."""

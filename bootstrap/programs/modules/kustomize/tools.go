//go:build tools

// Package tools names the programs that this module pins and builds.
package tools

import (
	_ "sigs.k8s.io/kustomize/kustomize/v5"
)

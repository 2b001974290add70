//go:build tools

// Package tools names the programs that this module pins and builds.
package tools

import (
	_ "github.com/sigstore/cosign/v3/cmd/cosign"
)

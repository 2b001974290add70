//go:build tools

// Package tools names the programs that this module pins and builds.
package tools

import (
	_ "code.gitea.io/gitea"
)

// Command alloy-outline parses an Alloy configuration with Alloy's own parser, and prints what it names: for each block the
// names on the way to it, its attributes, and the references in their values.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"
	"strings"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
)

type block struct {
	Path       []string `json:"path"`
	Label      string   `json:"label"`
	Attributes []string `json:"attributes"`
	References []string `json:"references"`
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	file, err := parser.ParseFile("config.alloy", text)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(outline(nil, file.Body)); err != nil {
		log.Fatal(err)
	}
}

func outline(path []string, body ast.Body) []block {
	var found []block
	for _, statement := range body {
		inner, ok := statement.(*ast.BlockStmt)
		if !ok {
			continue
		}
		here := append(append([]string{}, path...), strings.Join(inner.Name, "."))
		one := block{Path: here, Label: inner.Label, Attributes: []string{}, References: []string{}}
		for _, part := range inner.Body {
			if attribute, ok := part.(*ast.AttributeStmt); ok {
				one.Attributes = append(one.Attributes, attribute.Name.Name)
				one.References = append(one.References, references(attribute.Value)...)
			}
		}
		found = append(append(found, one), outline(here, inner.Body)...)
	}
	return found
}

// references are the dotted names in an expression, sys.env too.
func references(value ast.Expr) []string {
	var found []string
	switch value := value.(type) {
	case *ast.IdentifierExpr, *ast.AccessExpr:
		if name := dotted(value); name != "" {
			found = append(found, name)
		}
	case *ast.ArrayExpr:
		for _, element := range value.Elements {
			found = append(found, references(element)...)
		}
	case *ast.ObjectExpr:
		for _, field := range value.Fields {
			found = append(found, references(field.Value)...)
		}
	case *ast.CallExpr:
		found = append(found, references(value.Value)...)
		for _, argument := range value.Args {
			found = append(found, references(argument)...)
		}
	case *ast.BinaryExpr:
		found = append(append(found, references(value.Left)...), references(value.Right)...)
	case *ast.UnaryExpr:
		found = append(found, references(value.Value)...)
	case *ast.ParenExpr:
		found = append(found, references(value.Inner)...)
	}
	return found
}

func dotted(value ast.Expr) string {
	switch value := value.(type) {
	case *ast.IdentifierExpr:
		return value.Ident.Name
	case *ast.AccessExpr:
		if before := dotted(value.Value); before != "" {
			return before + "." + value.Name.Name
		}
	}
	return ""
}

// Package sqlite3 registers a SQLite driver written in Go under the name, and with the options,
// of github.com/mattn/go-sqlite3, so that Gitea can be built where there is no C compiler.
package sqlite3

import (
	"database/sql"
	"database/sql/driver"
	"net/url"
	"strings"

	"modernc.org/sqlite"
)

func init() {
	sql.Register("sqlite3", translating{&sqlite.Driver{}})
}

type translating struct{ driver.Driver }

func (t translating) Open(name string) (driver.Conn, error) {
	return t.Driver.Open(translate(name))
}

// translate turns the options that Gitea gives (modules/setting/database.go) into this driver's:
// settings of the connection become pragmas. The shared cache is left out: SQLite advises against
// it, and its table locks ignore the busy timeout.
func translate(name string) string {
	file, query, found := strings.Cut(name, "?")
	if !found {
		return name
	}
	given, err := url.ParseQuery(query)
	if err != nil {
		return name
	}
	options := url.Values{}
	for key, values := range given {
		switch key {
		case "cache":
		case "_busy_timeout", "_journal_mode":
			options.Add("_pragma", strings.TrimPrefix(key, "_")+"("+values[0]+")")
		default:
			options[key] = values
		}
	}
	return file + "?" + options.Encode()
}

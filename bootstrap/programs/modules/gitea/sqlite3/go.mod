// Stands in for the SQLite driver that Gitea imports: the same driver name, no C.
module github.com/mattn/go-sqlite3

go 1.26.2

require modernc.org/sqlite v1.52.0

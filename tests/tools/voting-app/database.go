package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"log"
	"net/http"
	"sync/atomic"
	"time"

	_ "github.com/lib/pq"
)

const (
	login  = "host=db user=postgres password=postgres dbname=postgres sslmode=disable connect_timeout=5"
	create = `CREATE TABLE IF NOT EXISTS votes (id VARCHAR(255) NOT NULL UNIQUE, vote VARCHAR(255) NOT NULL)`
	insert = `INSERT INTO votes (id, vote) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET vote = excluded.vote`
	count  = `SELECT vote, COUNT(id) FROM votes GROUP BY vote`
)

func worker(ending context.Context) error {
	database, err := sql.Open("postgres", login)
	if err != nil {
		return err
	}
	database.SetMaxOpenConns(1)
	until(func() error { _, err := database.Exec(create); return err })
	var queue *redis
	for ending.Err() == nil {
		if queue == nil {
			if queue, err = dialRedis(); err != nil {
				log.Print(err)
				queue = nil
				time.Sleep(time.Second)
				continue
			}
		}
		text, err := queue.do("LPOP", "votes")
		if err != nil {
			log.Print(err)
			queue.connection.Close()
			queue = nil
			continue
		}
		if text == "" {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		var one ballot
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			log.Print(err)
			continue
		}
		until(func() error { _, err := database.Exec(insert, one.Voter, one.Vote); return err })
	}
	return nil
}

func until(try func() error) {
	for err := try(); err != nil; err = try() {
		log.Print(err)
		time.Sleep(time.Second)
	}
}

func result(ending context.Context) error {
	database, err := sql.Open("postgres", login)
	if err != nil {
		return err
	}
	database.SetMaxOpenConns(2)
	var scores atomic.Pointer[map[string]int]
	go func() {
		for ; ending.Err() == nil; time.Sleep(time.Second) {
			found, err := read(database)
			if err != nil {
				log.Print(err)
				continue
			}
			scores.Store(&found)
		}
	}()
	pages := http.NewServeMux()
	pages.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Write([]byte("<title>Cats vs Dogs -- Result</title>\n"))
	})
	pages.HandleFunc("/scores", func(answer http.ResponseWriter, _ *http.Request) {
		found := scores.Load()
		if found == nil {
			http.Error(answer, "nothing was counted yet", http.StatusServiceUnavailable)
			return
		}
		json.NewEncoder(answer).Encode(*found)
	})
	return serve(ending, pages)
}

func read(database *sql.DB) (map[string]int, error) {
	rows, err := database.Query(count)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var vote string
		var votes int
		if err := rows.Scan(&vote, &votes); err != nil {
			return nil, err
		}
		found[vote] = votes
	}
	return found, rows.Err()
}

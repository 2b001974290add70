package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

type ballot struct {
	Voter string `json:"voter_id"`
	Vote  string `json:"vote"`
}

func vote(ending context.Context) error {
	return serve(ending, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		voter := ""
		if cookie, err := request.Cookie("voter_id"); err == nil {
			voter = cookie.Value
		} else {
			random := make([]byte, 8)
			rand.Read(random)
			voter = hex.EncodeToString(random)
		}
		if request.Method == http.MethodPost {
			if err := push(ballot{voter, request.FormValue("vote")}); err != nil {
				http.Error(answer, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		http.SetCookie(answer, &http.Cookie{Name: "voter_id", Value: voter})
		fmt.Fprintf(answer, "<title>%s vs %s!</title>\n", os.Getenv("OPTION_A"), os.Getenv("OPTION_B"))
	}))
}

// push opens a connection of its own: what counts here is that an answer means a vote in the queue.
func push(one ballot) error {
	queue, err := dialRedis()
	if err != nil {
		return err
	}
	defer queue.connection.Close()
	text, err := json.Marshal(one)
	if err != nil {
		return err
	}
	_, err = queue.do("RPUSH", "votes", string(text))
	return err
}

// Stand-ins for the voting app's images, for tests on a machine that can pull none. They keep to what the images
// agree on with redis, db and each other: the list `votes` of JSON objects, the table `votes`, port 80, the hosts
// `redis` and `db`, the login `postgres`. What differs: result has its scores as JSON at /scores instead of
// socket.io, and worker does not drop the vote in its hand when the database is away or it is asked to end.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	roles := map[string]func(context.Context) error{"vote": vote, "worker": worker, "result": result}
	if len(os.Args) != 2 || roles[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: voting-app vote|worker|result")
		os.Exit(2)
	}
	if err := roles[os.Args[1]](ending); err != nil {
		log.Fatal(err)
	}
}

// serve answers on port 80 until it is asked to end; requests that have begun are answered.
func serve(ending context.Context, handler http.Handler) error {
	server := &http.Server{Addr: ":80", Handler: handler}
	done := make(chan struct{})
	go func() {
		<-ending.Done()
		server.Shutdown(context.Background())
		close(done)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	<-done
	return nil
}

// miniredis serves the Redis protocol from memory, for Argo CD's cache in the sandbox.
//
// The address comes from the command line, the password from a file, so that it is not
// seen in the process list.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	address := flag.String("listen", "127.0.0.1:6379", "host:port to listen on")
	passwordFile := flag.String("password-file", "", "a file that holds the password clients must give")
	flag.Parse()
	server := miniredis.NewMiniRedis()
	if *passwordFile != "" {
		password, err := os.ReadFile(*passwordFile)
		if err != nil {
			fail(err)
		}
		server.RequireAuth(strings.TrimSpace(string(password)))
	}
	if err := server.StartAddr(*address); err != nil {
		fail(err)
	}
	fmt.Println("listening on", server.Addr())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	server.Close()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "miniredis:", err)
	os.Exit(1)
}

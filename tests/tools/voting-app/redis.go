package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// patience is how long vote's image waits for redis.
const patience = 5 * time.Second

type redis struct {
	connection net.Conn
	reader     *bufio.Reader
}

func dialRedis() (*redis, error) {
	connection, err := net.DialTimeout("tcp4", "redis:6379", patience)
	if err != nil {
		return nil, err
	}
	return &redis{connection, bufio.NewReader(connection)}, nil
}

// do sends a command; the answer is empty where redis has nothing.
func (r *redis) do(words ...string) (string, error) {
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(word), word)
	}
	r.connection.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(r.connection, request.String()); err != nil {
		return "", err
	}
	line, err := r.reader.ReadString('\n')
	if err != nil {
		return "", err
	}
	rest := strings.TrimSpace(line[1:])
	switch line[0] {
	case '-':
		return "", fmt.Errorf("redis: %s", rest)
	case '$':
		size, err := strconv.Atoi(rest)
		if err != nil || size < 0 {
			return "", err
		}
		content := make([]byte, size+2)
		_, err = io.ReadFull(r.reader, content)
		return string(content[:size]), err
	}
	return rest, nil
}

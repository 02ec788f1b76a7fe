// tls.go: bench-tls's server in Go: a goroutine for each connection serves the files of a folder. It ends at the end of
// its input; the load generator sets GOMAXPROCS=1.
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strings"
)

func serve(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 1024)
	name := ""
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(line, "GET /") {
			name = strings.Fields(line)[1]
		}
		if line == "\r\n" {
			break
		}
	}
	file, err := os.Open(path.Join(os.Getenv("FOLDER"), name))
	if err != nil {
		return
	}
	defer file.Close()
	status, _ := file.Stat()
	fmt.Fprintf(connection, "HTTP/1.0 200 ok\r\nContent-Length: %d\r\n\r\n", status.Size())
	io.Copy(connection, file)
}

func listen() (net.Listener, net.Addr) {
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	if os.Getenv("PLAIN") != "" {
		return listening, listening.Addr()
	}
	name := os.Getenv("CERTIFICATE")
	certificate, err := tls.LoadX509KeyPair(name, name)
	if err != nil {
		os.Exit(1)
	}
	return tls.NewListener(listening, &tls.Config{Certificates: []tls.Certificate{certificate}}), listening.Addr()
}

func main() {
	listening, address := listen()
	fmt.Println(address.(*net.TCPAddr).Port)
	go func() {
		for {
			connection, err := listening.Accept()
			if err != nil {
				os.Exit(1)
			}
			go serve(connection)
		}
	}()
	os.Stdin.Read(make([]byte, 1))
}

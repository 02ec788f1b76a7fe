// echo.go: bench-echo's server in Go: a goroutine for each connection, reads and writes. (io.Copy would splice
// the bytes in the kernel, so the server would never see them.) It ends at the end of its input; the load generator sets
// GOMAXPROCS=1.
package main

import (
	"fmt"
	"net"
	"os"
)

// The buffer is larger than any message: a read that does not fill it has read everything.
const bufferSize = 32 * 1024

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, bufferSize)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err = connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}

func serve(listening net.Listener) {
	for {
		connection, err := listening.Accept()
		if err != nil {
			os.Exit(1)
		}
		go echo(connection)
	}
}

func main() {
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(listening.Addr().(*net.TCPAddr).Port)
	go serve(listening)
	os.Stdin.Read(make([]byte, 1))
}

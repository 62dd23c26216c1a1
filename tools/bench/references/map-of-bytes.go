// What the reader is measured against: Go's net/http with a map of bytes. The argument names the file with the orders,
// a line each: the id, a tab, the document.
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	documents := map[string][]byte{}
	for _, line := range bytes.Split(file, []byte("\n")) {
		if id, document, ok := bytes.Cut(line, []byte("\t")); ok {
			documents[string(id)] = document
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("{\"url\":\"http://%s\"}\n", listener.Addr())
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, ok := documents[r.URL.Path[len("/orders/"):]]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Write(document)
	})))
}

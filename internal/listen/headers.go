package listen

import (
	"fmt"
	"net/http"
	"strings"
)

// Headers answers only requests whose line and headers have so many bytes at most, written as in
// HTTP/1.1. net/http by itself lets in up to 4096 bytes more than Server.MaxHeaderBytes. refused hears
// of each that is turned away; it may be nil.
func Headers(most int, next http.Handler, refused func(*http.Request)) http.Handler {
	said := fmt.Sprintf("the headers of a request have %d bytes at most", most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if headerBytes(r) <= most {
			next.ServeHTTP(w, r)
			return
		}
		if refused != nil {
			refused(r)
		}
		w.Header().Set("Connection", "close")
		http.Error(w, said, http.StatusRequestHeaderFieldsTooLarge)
	})
}

// headerBytes is how many bytes the line and the headers of a request have, with the empty line at
// their end. net/http takes Host and Transfer-Encoding out of the headers.
func headerBytes(r *http.Request) int {
	field := func(name, value string) int { return len(name) + len(": ") + len(value) + len("\r\n") }
	n := len(r.Method) + len(" ") + len(r.RequestURI) + len(" ") + len(r.Proto) + len("\r\n") + field("Host", r.Host) + len("\r\n")
	if len(r.TransferEncoding) > 0 {
		n += field("Transfer-Encoding", strings.Join(r.TransferEncoding, ", "))
	}
	for name, values := range r.Header {
		for _, value := range values {
			n += field(name, value)
		}
	}
	return n
}

package listen

import (
	"fmt"
	"net/http"
	"strings"
)

// Headers passes on only requests whose request line and headers have at most that many bytes, as
// written in HTTP/1.1. net/http alone allows up to 4096 bytes more than Server.MaxHeaderBytes.
// refused is called for each rejected request; it may be nil.
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

// headerBytes returns the size of the request line and the headers, with the empty line at their
// end. net/http has removed Host and Transfer-Encoding from the headers.
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

# An instance of the service "web". Its version is in its meta.
service {
  id      = "web-2"
  name    = "web"
  address = "127.0.0.1"
  port    = 9002
  meta    = { version = "1" }

  check {
    id       = "web-2"
    name     = "answers on HTTP"
    http     = "http://127.0.0.1:9002/"
    interval = "1s"
    timeout  = "1s"
  }
}

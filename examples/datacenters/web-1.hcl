# An instance of the service "web". Consul asks it every second whether it is well.
service {
  id      = "web-1"
  name    = "web"
  address = "127.0.0.1"
  port    = 9001

  check {
    id       = "web-1"
    name     = "answers on HTTP"
    http     = "http://127.0.0.1:9001/"
    interval = "1s"
    timeout  = "1s"
  }
}

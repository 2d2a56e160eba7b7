# An instance of the service "web". Consul asks it every second whether it is well.
service {
  id      = "web-3"
  name    = "web"
  address = "127.0.0.1"
  port    = 9003

  check {
    id       = "web-3"
    name     = "answers on HTTP"
    http     = "http://127.0.0.1:9003/"
    interval = "1s"
    timeout  = "1s"
  }
}

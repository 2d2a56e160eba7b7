# An instance of the service "web". Consul asks it every second whether it is well.
service {
  id      = "web-2"
  name    = "web"
  address = "127.0.0.1"
  port    = 9002

  check {
    id       = "web-2"
    name     = "answers on HTTP"
    http     = "http://127.0.0.1:9002/"
    interval = "1s"
    timeout  = "1s"
  }
}

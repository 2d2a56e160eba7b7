# A service that speaks TLS, with a certificate of your own authority.
service {
  id      = "payments-1"
  name    = "payments"
  address = "127.0.0.1"
  port    = 9004

  check {
    id       = "payments-1"
    name     = "accepts connections"
    tcp      = "127.0.0.1:9004"
    interval = "1s"
    timeout  = "1s"
  }
}

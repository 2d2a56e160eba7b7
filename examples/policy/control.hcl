# Legate is a gRPC server itself. Its owner says so, in the meta.
service {
  id      = "control-1"
  name    = "control"
  address = "127.0.0.1"
  port    = 18000
  meta    = { legate-protocol = "grpc" }

  check {
    id       = "control-1"
    name     = "answers on gRPC"
    grpc     = "127.0.0.1:18000"
    interval = "1s"
    timeout  = "1s"
  }
}

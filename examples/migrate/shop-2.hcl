# One of the instances that before.yaml names by hand.
service {
  id      = "shop-2"
  name    = "shop"
  address = "127.0.0.1"
  port    = 9002
}

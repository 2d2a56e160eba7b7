# A second Consul on this machine, of datacenter dc2, on ports of its own. It joins dc1 over the WAN.
datacenter     = "dc2"
node_name      = "dc2"
retry_join_wan = ["127.0.0.1:8302"]

ports {
  http     = 8510
  dns      = 8610
  grpc     = 8512
  grpc_tls = 8513
  server   = 8310
  serf_lan = 8311
  serf_wan = 8312
}

# All that Legate's token may do: read the services and nodes that it serves. To serve some only,
# name them: service "shop" { policy = "read" }, and give "include" in legate.yaml.
service_prefix "" {
  policy = "read"
}

# The nodes whose instances are served: their addresses, checks and meta.
node_prefix "" {
  policy = "read"
}

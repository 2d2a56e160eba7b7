# The rights of Legate's token: to read the services and nodes that it serves. To serve only some,
# name them: service "shop" { policy = "read" }, and give "include" in legate.yaml.
service_prefix "" {
  policy = "read"
}

# The nodes whose instances are served: their addresses, checks and meta.
node_prefix "" {
  policy = "read"
}

# With "register" in legate.yaml, Legate also needs the right to be a service itself:
# service "legate" { policy = "write" }

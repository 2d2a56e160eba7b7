# /etc/consul.d/https.hcl: additional configuration of this machine's agent, so that Legate can use it
# over HTTPS. Plain HTTP on port 8500 may stay as it is.
addresses {
  https = "127.0.0.1"
}

ports {
  https = 8501
}

tls {
  https {
    ca_file   = "/etc/consul.d/tls/consul-agent-ca.pem"
    cert_file = "/etc/consul.d/tls/dc1-client-consul-0.pem"
    key_file  = "/etc/consul.d/tls/dc1-client-consul-0-key.pem"
  }
}

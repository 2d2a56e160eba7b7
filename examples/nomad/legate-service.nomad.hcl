# Two Legates for the Envoys of all machines. Envoys find them by Consul's DNS, as legate.service.consul, and show
# certificates.
variable "image" {
  type        = string
  description = "Legate's image, with a tag that does not move."
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

job "legate" {
  type        = "service"
  datacenters = var.datacenters

  # One after the other: the next one when this one has been ready for ten seconds.
  update {
    max_parallel     = 1
    min_healthy_time = "10s"
    healthy_deadline = "5m"
    auto_revert      = true
  }

  group "legate" {
    count = 2

    constraint {
      operator = "distinct_hosts"
      value    = "true"
    }

    # The agent of the machine listens on loopback, so Legate is in the machine's own network. An Envoy's bootstrap has
    # the port of xDS, so it is the same everywhere.
    network {
      mode = "host"
      port "xds" {
        static = 18000
      }
      port "admin" {
        static = 18001
      }
      port "metrics" {
        static = 18003
      }
    }

    ephemeral_disk {
      sticky  = true
      migrate = true
      size    = 300
    }

    service {
      name     = "legate"
      provider = "consul"
      port     = "xds"

      # gRPC's health service wants a certificate as all clients do, so readiness is asked where no certificate is needed.
      check {
        name     = "ready"
        type     = "http"
        port     = "metrics"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    service {
      name     = "legate-metrics"
      provider = "consul"
      port     = "metrics"
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    task "legate" {
      driver       = "docker"
      kill_timeout = "40s" # clients are drained for up to 30 seconds

      config {
        image           = var.image
        network_mode    = "host"
        args            = ["serve"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]
      }

      env {
        CONSUL_HTTP_ADDR       = "http://127.0.0.1:8500"
        CONSUL_HTTP_TOKEN_FILE = "/secrets/consul-token"
        LEGATE_XDS_LISTEN      = ":18000"
        LEGATE_TLS_CERT        = "/secrets/legate.pem"
        LEGATE_TLS_KEY         = "/secrets/legate.key"
        LEGATE_TLS_CLIENT_CA   = "/secrets/ca.pem"
        LEGATE_ADMIN_LISTEN    = "127.0.0.1:18001"
        LEGATE_METRICS_LISTEN  = ":18003"
        LEGATE_STATE_DIR       = "/alloc/data/legate" # made with a mode of its own: everybody may write to /alloc/data
        LEGATE_LOG_FORMAT      = "json"
      }

      # A new token, and new certificates, are read from the files: no restart.
      template {
        data        = "{{ with nomadVar \"nomad/jobs/legate\" }}{{ .token }}{{ end }}"
        destination = "secrets/consul-token"
        change_mode = "noop"
        uid         = 65532
        gid         = 65532
        perms       = "0400"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/legate\" }}{{ .cert }}{{ end }}"
        destination = "secrets/legate.pem"
        change_mode = "noop"
        uid         = 65532
        gid         = 65532
        perms       = "0444"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/legate\" }}{{ .key }}{{ end }}"
        destination = "secrets/legate.key"
        change_mode = "noop"
        uid         = 65532
        gid         = 65532
        perms       = "0400"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/legate\" }}{{ .ca }}{{ end }}"
        destination = "secrets/ca.pem"
        change_mode = "noop"
        uid         = 65532
        gid         = 65532
        perms       = "0444"
      }

      resources {
        cpu        = 200
        memory     = 256
        memory_max = 1024
      }
    }
  }
}

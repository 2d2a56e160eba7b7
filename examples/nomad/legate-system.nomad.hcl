# A Legate on each machine, beside the Consul agent there, for the Envoys there. All of them talk over loopback.
variable "image" {
  type        = string
  description = "Legate's image, with a tag that does not move."
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

job "legate" {
  type        = "system"
  datacenters = var.datacenters

  # Two machines at a time, half a minute apart.
  update {
    max_parallel = 2
    stagger      = "30s"
  }

  group "legate" {
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

    # The last known catalog outlives the allocation: the next one starts with it while Consul is away.
    ephemeral_disk {
      sticky = true
      size   = 300
    }

    service {
      name     = "legate"
      provider = "consul"
      port     = "metrics"
      tags     = ["machine"]

      check {
        name     = "ready"
        type     = "http"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    # A Legate that waits for Consul is not restarted: that would not help.
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
        LEGATE_XDS_LISTEN      = "127.0.0.1:18000"
        LEGATE_ADMIN_LISTEN    = "127.0.0.1:18001"
        LEGATE_METRICS_LISTEN  = ":18003"
        LEGATE_STATE_DIR       = "/alloc/data/legate" # made with a mode of its own: everybody may write to /alloc/data
        LEGATE_LOG_FORMAT      = "json"
      }

      # A new token is read from the file: no restart.
      template {
        data        = "{{ with nomadVar \"nomad/jobs/legate\" }}{{ .token }}{{ end }}"
        destination = "secrets/consul-token"
        change_mode = "noop"
        uid         = 65532
        gid         = 65532
        perms       = "0400"
      }

      resources {
        cpu        = 200
        memory     = 256
        memory_max = 1024
      }
    }
  }
}

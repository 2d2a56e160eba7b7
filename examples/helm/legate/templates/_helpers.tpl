{{- define "legate.name" -}}
{{- $name := .Release.Name }}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end }}
{{- $name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "legate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "legate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "legate.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "legate.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "legate.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- /* legate.yaml: what the values say, and over it what .Values.config says. */ -}}
{{- define "legate.config" -}}
{{- $consul := dict "addr" .Values.consul.address }}
{{- with .Values.consul.datacenter }}{{ $_ := set $consul "datacenter" . }}{{ end }}
{{- with .Values.consul.tokenSecret.name }}{{ $_ := set $consul "token_file" "/etc/legate/token/token" }}{{ end }}
{{- with .Values.consul.caSecret.name }}{{ $_ := set $consul "ca_file" "/etc/legate/consul/ca.crt" }}{{ end }}
{{- $xds := dict "listen" ":18000" }}
{{- if .Values.xds.tlsSecret }}
{{- $_ := set $xds "tls_cert" "/etc/legate/tls/tls.crt" }}
{{- $_ := set $xds "tls_key" "/etc/legate/tls/tls.key" }}
{{- if .Values.xds.clientCertificates }}{{ $_ := set $xds "tls_client_ca" "/etc/legate/tls/ca.crt" }}{{ end }}
{{- with .Values.xds.allowedSANs }}{{ $_ := set $xds "tls_allowed_sans" . }}{{ end }}
{{- else if .Values.xds.insecure }}
{{- $_ := set $xds "insecure_listen" (list "xds") }}
{{- else }}
{{- fail "Envoys reach Legate over the network: name a Secret with a certificate in xds.tlsSecret, or allow everybody to read the catalog, unencrypted, with xds.insecure=true" }}
{{- end }}
{{- $admin := dict "listen" "127.0.0.1:18001" "metrics_listen" ":18003" }}
{{- $base := dict "consul" $consul "xds" $xds "admin" $admin "state" (dict "dir" "/var/lib/legate/state") "log" (dict "format" "json") }}
{{- if .Values.policy }}{{ $_ := set $base "services" (dict "policy" "/etc/legate/policy/policy.yaml") }}{{ end }}
{{- mergeOverwrite $base (deepCopy .Values.config) | toYaml }}
{{- end }}

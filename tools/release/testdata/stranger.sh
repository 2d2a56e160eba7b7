# What a stranger has: a Consul agent with a service, and Envoy. page.sh then does what docs/install.md says.
rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update
install -m 0755 bin-consul /usr/local/bin/consul
install -m 0755 bin-envoy /usr/local/bin/envoy
began=$SECONDS

# step does what a person does: it repeats a command for a minute, until it works and prints what it should.
step() {
	local want=$1 command=$2 got
	echo "\$ $command"
	case $command in
	*'&')
		eval "$command" >>/run/terminal.log 2>&1
		return
		;;
	esac
	for _ in $(seq 120); do
		if got=$(bash -ec "$command" 2>/run/step.log) && { [ -z "$want" ] || [ "$got" = "$want" ]; }; then
			echo "$got"
			last=$got
			return
		fi
		sleep 0.5
	done
	echo "FAILED: it says \"$got\", want \"$want\"" >&2
	tail -n 30 /run/step.log /run/terminal.log /run/legate.log >&2
	exit 1
}
serve() { mkdir -p "/run/$1" && echo "$1" >"/run/$1/index.html" && python3 -m http.server "$2" --bind 127.0.0.1 --directory "/run/$1" >/dev/null 2>&1 & }
finish() {
	step one "curl --fail --silent http://127.0.0.1:8080/"
	consul services register -name=web -id=two -port=9002 -address=127.0.0.1 >/dev/null
	consul services deregister -id=one >/dev/null
	step two "curl --fail --silent http://127.0.0.1:8080/"
	[ $((SECONDS - began)) -lt 300 ] || {
		echo "that took $((SECONDS - began)) seconds" >&2
		exit 1
	}
	echo "Envoy follows Consul"
}
consul agent -dev >/run/consul.log 2>&1 &
serve one 9001
serve two 9002
step "" "consul services register -name=web -id=one -port=9001 -address=127.0.0.1"

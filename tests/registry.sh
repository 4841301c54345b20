# registry - a registry of a test's own, on the loopback, with what Debian has as docker-registry
#
# Sourced after lib.sh.  Sets $registry to its host and port.
# shellcheck shell=sh disable=SC2034,SC2154

have_registry() { command -v docker-registry >/dev/null; }
have_skopeo() { command -v skopeo >/dev/null; }

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_registry NAME [LINES]: LINES go into its configuration, below "http:" when they begin with blanks.
#
# Not from within test_ok, whose subshell would keep what is set.  A port may be taken by somebody else
# meanwhile: then it is another one.
start_registry() {
	for _ in 1 2 3 4 5; do
		registry_port=$(free_port)
		registry=127.0.0.1:$registry_port
		mkdir -p "$tmp/registry-$1"
		cat >"$tmp/registry-$1.yml" <<-EOF
			version: 0.1
			log: { level: error }
			storage:
			  filesystem: { rootdirectory: $tmp/registry-$1 }
			  delete: { enabled: true }
			http:
			  addr: $registry
			${2-}
		EOF
		docker-registry serve "$tmp/registry-$1.yml" >"$tmp/registry-$1.log" 2>&1 &
		registry_pid=$!
		registry_pids="${registry_pids-} $registry_pid"
		for _ in $(seq 400); do
			kill -0 "$registry_pid" 2>/dev/null || break
			python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' \
				"$registry_port" 2>/dev/null && return
			sleep 0.05
		done
	done
	cat "$tmp/registry-$1.log"
	return 1
}

# start_faulty NAME [ELSEWHERE]: push-server.py; sets $faulty to its host and port; its log is $tmp/NAME/log.
start_faulty() {
	mkdir "$tmp/$1"
	python3 "$srcdir/tests/push-server.py" "$tmp/$1" ${2+"$2"} &
	registry_pids="${registry_pids-} $!"
	for _ in $(seq 400); do
		[ -s "$tmp/$1/port" ] && break
		sleep 0.05
	done
	faulty=127.0.0.1:$(cat "$tmp/$1/port")
}

# theirs_at REGISTRY/NAME:TAG: the digest that skopeo sees.
theirs_at() { skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | sed 's/^/sha256:/; s/ .*//'; }

# However the script ends.
trap 'stop_registries; cleanup' EXIT
stop_registries() {
	for p in ${registry_pids-}; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	registry_pids=''
}

# The examples of the man pages and of README are command lines that rootlet understands
# shellcheck shell=sh
. "${srcdir:-.}/tests/lib.sh"

make_base
mkdir debian tree in out results
# The images of the examples.
for image in debian:12 web registry.example/team/app:1; do
	tar -C "$base" -c . | "$ROOTLET" import - "$image" >/dev/null
done

# Lines of the displays in a man page that begin with "$ ", joined where they go on.
man_examples() {
	awk '/^\.EX/ { on = 1; next } /^\.EE/ { on = 0; if (cmd) print cmd; cmd = ""; next }
		!on { next }
		/^\$ / { if (cmd) print cmd; cmd = substr($0, 3); next }
		cmd { sub(/^ */, " "); cmd = cmd $0 }' "$1" |
		sed -e 's/\\f[BRIP]//g' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\(ti/~/g' -e 's/\\e //g'
}

# Indented lines of README that start rootlet, without comments.
readme_examples() {
	sed -n -e 's/ *#.*//' -e 's/^ \{4,\}\(\$ \)\{0,1\}\(sudo \)\{0,1\}\(rootlet \(run\|bwrap\) .*\)/\3/p' "$1"
}

# `rootlet run ...` becomes `rootlet spec run ...`: everything but the start.
understood() {
	cat >"$tmp/example.sh" <<-END
		rootlet() { case \$1 in run | bwrap) "\$ROOTLET" spec "\$@" ;; *) "\$ROOTLET" "\$@" ;; esac; }
		$1
	END
	sh -eu "$tmp/example.sh" 3>/dev/null || {
		echo "$1"
		return 1
	}
}

n=0
for page in "$srcdir"/man/*.1; do
	man_examples "$page" >"$tmp/list"
	while read -r line; do
		case $line in rootlet\ *) ;; *) continue ;; esac
		n=$((n + 1))
		test_ok "${page##*/}: $line" understood "$line"
	done <"$tmp/list"
done
readme_examples "$srcdir/README" >"$tmp/list"
while read -r line; do
	n=$((n + 1))
	test_ok "README: $line" understood "$line"
done <"$tmp/list"
test_ok "there are examples" [ "$n" -gt 10 ]
test_done

#!/bin/sh
# The completion scripts as they are installed: each is driven in its own shell.
# Reads $srcdir; prints TAP.

srcdir=${srcdir:-.}
dir=$(cd "$srcdir/completions" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/tree/bin" "$tmp/a dir"
: >"$tmp/tree/bin/probe-inside"
: >"$tmp/file.env"
printf 'touch %s/was-run\n' "$tmp" >"$tmp/program"
chmod +x "$tmp/program" "$tmp/tree/bin/probe-inside"
# Which names there are is asked of the rootlet of $PATH.
mkdir "$tmp/path"
cat >"$tmp/path/rootlet" <<'END'
#!/bin/sh
case $* in
'images --format=names') printf '%s\n' alpine:3 debian:12 'evil$(touch was-run)' ;;
'--store=tree images --format=names' | '--store tree images --format=names') echo other:1 ;;
'ps --all --format=names') printf '%s\n' box web.1 ;;
*) echo "unexpected:$*" ;;
esac
END
chmod +x "$tmp/path/rootlet"
PATH=$tmp/path:$PATH
n=0

report() { # status, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

skip() { # name, why
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# bash_offers LINE: what bash would show for LINE with the cursor at its end, one a line.  The
# words are split as readline does it with the usual COMP_WORDBREAKS.
# shellcheck disable=SC2016 # expanded by bash
bash_offers() {
	bash --norc -c '
		. "$1/rootlet.bash"
		COMP_WORDBREAKS=$'\'' \t\n"'\'\\\'\''><=;|&(:'\''
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=()
		rest=$2
		while [[ $rest =~ ^[[:blank:]]*([=:]+|([^[:blank:]=:\\]|\\.)+) ]]; do
			COMP_WORDS+=("${BASH_REMATCH[1]}")
			rest=${rest:${#BASH_REMATCH[0]}}
		done
		[[ $2 == *" " ]] && COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_rootlet
		printf "%s\n" "${COMPREPLY[@]}"' bash "$dir" "$1"
}

# shellcheck disable=SC2016 # expanded by fish
fish_offers() {
	fish --no-config -c 'source $argv[1]/rootlet.fish; complete -C $argv[2]' "$dir" "$1" |
		cut -f 1
}

# offers SHELL LINE WORD...: every WORD is offered for LINE.  A word with "!" must not be.
offers() {
	shell=$1 line=$2
	shift 2
	got=$("${shell}_offers" "$line")
	bad=0
	for word; do
		case $word in
		!*) printf '%s\n' "$got" | grep -qxF -e "${word#!}" && bad=1 ;;
		*) printf '%s\n' "$got" | grep -qxF -e "$word" || bad=1 ;;
		esac
	done
	[ $bad = 0 ] || printf '%s\n' "$got" | head -20 | sed 's/^/# offered: /'
	report $bad "$shell: $line"
}

for shell in bash zsh fish; do
	case $shell in
	bash) file=rootlet.bash ;;
	zsh) file=_rootlet ;;
	fish) file=rootlet.fish ;;
	esac
	if command -v $shell >/dev/null; then
		$shell -n "$dir/$file"
		report $? "$shell reads the script"
	else
		skip "$shell reads the script" "no $shell here"
	fi
done

cd "$tmp" || exit 99
if command -v bash >/dev/null; then
	offers bash 'rootlet ' run --help
	offers bash 'rootlet ru' run !--help
	offers bash 'rootlet --st' --store= !run
	offers bash 'rootlet --store=tr' tree
	offers bash 'rootlet --store tr' tree !run
	offers bash 'rootlet --store tree ru' run
	offers bash 'rootlet --store=tree run --read-o' --read-only
	offers bash 'rootlet run --' --layer= --read-only --volume= --help
	offers bash 'rootlet run --read-o' --read-only !--layer=
	offers bash 'rootlet run --layer=' disk ram
	offers bash 'rootlet run --layer=d' disk !ram
	offers bash 'rootlet run --layer d' disk !ram
	offers bash 'rootlet run --net none h' host
	offers bash 'rootlet run --env-file file' file.env
	offers bash 'rootlet run -v tr' tree
	offers bash 'rootlet run -vtr' -vtree
	offers bash 'rootlet run -w a\ d' 'a dir'
	offers bash 'rootlet run -v tree:/' !/usr !/tmp
	offers bash 'rootlet run -w tr' tree !file.env
	offers bash 'rootlet run --cap-add NET_' NET_ADMIN NET_RAW
	offers bash 'rootlet run --user=ro' root
	offers bash 'rootlet run ' host tree !file.env
	offers bash 'rootlet run -it --net host tr' tree
	offers bash 'rootlet run -- h' host
	offers bash 'rootlet run host l' ls
	offers bash 'rootlet run host -- l' ls
	offers bash 'rootlet run ./tree probe' probe-inside
	offers bash 'rootlet run host cat --lay' !--layer=
	offers bash 'rootlet run host cat fi' file.env
	offers bash 'rootlet run host ./program --' !--layer=
	offers bash 'rootlet run ' host tree alpine:3 debian:12 !box '!evil$(touch was-run)'
	offers bash 'rootlet run debian' debian:12 !alpine:3
	offers bash 'rootlet run debian:' 12
	offers bash 'rootlet --store tree run ' other:1 !debian:12
	offers bash 'rootlet --store=tree save ' other:1 !debian:12
	offers bash 'rootlet inspect ' alpine:3 !box !tree
	offers bash 'rootlet save -o file.env alpine:3 de' debian:12
	offers bash 'rootlet save -o fi' file.env !alpine:3
	offers bash 'rootlet verify ' alpine:3
	offers bash 'rootlet tag alpine:3 ' !alpine:3
	offers bash 'rootlet start ' box web.1 !alpine:3
	offers bash 'rootlet start box l' ls
	offers bash 'rootlet rm -f box w' web.1
	offers bash 'rootlet diff b' box
	offers bash 'rootlet commit b' box
	offers bash 'rootlet import fi' file.env
fi
if command -v fish >/dev/null; then
	offers fish 'rootlet ' run
	offers fish 'rootlet --st' --store
	offers fish 'rootlet --store tr' tree/ !run
	offers fish 'rootlet --store tree ru' run
	offers fish 'rootlet --store=tree run --lay' --layer
	offers fish 'rootlet run --lay' --layer
	offers fish 'rootlet run --layer=d' --layer=disk
	offers fish 'rootlet run --net none h' host
	offers fish 'rootlet run --cap-add NET_A' NET_ADMIN
	offers fish 'rootlet run ' host tree/ !file.env
	offers fish 'rootlet run -it --net host tr' tree/
	offers fish 'rootlet run host l' ls
	offers fish 'rootlet run host cat --lay' !--layer=
	offers fish 'rootlet run host cat fi' file.env
	offers fish 'rootlet run host ./program --' !--layer=
	offers fish 'rootlet run ' host tree/ alpine:3 debian:12 !box
	offers fish 'rootlet --store tree run ' other:1 !debian:12
	offers fish 'rootlet --store=tree save ' other:1 !debian:12
	offers fish 'rootlet inspect ' alpine:3 !box !tree/
	offers fish 'rootlet save -o file.env alpine:3 de' debian:12
	offers fish 'rootlet verify ' alpine:3
	offers fish 'rootlet tag alpine:3 ' !alpine:3
	offers fish 'rootlet start ' box web.1 !alpine:3
	offers fish 'rootlet rm -f box w' web.1
	offers fish 'rootlet commit b' box
fi
# zsh completes on a terminal only: what _arguments would call for the operands is called here.
# shellcheck disable=SC2016 # expanded by zsh
zsh_offers() {
	zsh -f -c '
		compadd() { print -l -- ${(P)2} }
		_arguments() { for a; do [[ $a != *:_rootlet_* ]] || ${a##*:}; done }
		_alternative() { for a; do [[ $a != *:_rootlet_* ]] || ${a##*:}; done }
		words=(${(z)2} "") CURRENT=$#words
		shift 2 argv
		. $0/_rootlet' "$dir" "$tmp" "$1"
}
if command -v zsh >/dev/null; then
	offers zsh 'rootlet run' alpine:3 debian:12 !box
	offers zsh 'rootlet --store=tree save' other:1 !debian:12
	offers zsh 'rootlet rm' box web.1 !alpine:3
fi
[ ! -e "$tmp/was-run" ]
report $? "completing never runs the program"
echo "1..$n"

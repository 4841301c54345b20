# bash completion of rootlet(1), written from the option tables by "make update-docs"
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154,SC2207

_rootlet_commands='run try apply bwrap images export history import load save inspect tag rmi pull copy push tags search login logout serve df prune verify ps start rm diff commit snapshot rollback unshare doctor spec'
_rootlet_caps='ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'

# Sets kind to what option $2 of command $1 takes; empty: no value.
_rootlet_kind()
{
	case $1:$2 in
	run:--layer) kind='words disk ram' ;;
	run:--home) kind='words share layer hide' ;;
	run:-v | run:--volume) kind='path' ;;
	run:--tmpfs) kind='text' ;;
	run:--device) kind='path' ;;
	run:--add-host) kind='text' ;;
	run:--platform) kind='text' ;;
	run:--pull) kind='words missing always newer never' ;;
	run:-w | run:--workdir) kind='dir' ;;
	run:-e | run:--env) kind='text' ;;
	run:--env-file) kind='file' ;;
	run:-u | run:--user) kind='user' ;;
	run:-h | run:--hostname) kind='text' ;;
	run:--entrypoint) kind='file' ;;
	run:--ulimit) kind='text' ;;
	run:--timeout) kind='text' ;;
	run:--stop-signal) kind='text' ;;
	run:--umask) kind='text' ;;
	run:--init) kind='words yes no' ;;
	run:--pass-fd) kind='text' ;;
	run:--events-fd) kind='text' ;;
	run:--commit) kind='text' ;;
	run:--apply) kind='words ask yes no' ;;
	run:--save) kind='file' ;;
	run:--name) kind='text' ;;
	run:--net) kind='words none host' ;;
	run:--network) kind='words none host' ;;
	run:--proc) kind='words fresh host' ;;
	run:--idmap) kind='words auto range root single' ;;
	run:--cap-add) kind='cap' ;;
	run:--cap-drop) kind='cap' ;;
	run:--new-privs) kind='words yes no' ;;
	run:--seccomp) kind='file' ;;
	try:--apply) kind='words ask yes no' ;;
	try:--save) kind='file' ;;
	try:--home) kind='words share layer hide' ;;
	try:-v | try:--volume) kind='path' ;;
	try:--tmpfs) kind='text' ;;
	try:-w | try:--workdir) kind='dir' ;;
	try:-e | try:--env) kind='text' ;;
	try:--timeout) kind='text' ;;
	try:--net) kind='words none host' ;;
	bwrap:--args) kind='text' ;;
	bwrap:--argv0) kind='text' ;;
	bwrap:--userns) kind='text' ;;
	bwrap:--userns2) kind='text' ;;
	bwrap:--pidns) kind='text' ;;
	bwrap:--uid) kind='text' ;;
	bwrap:--gid) kind='text' ;;
	bwrap:--hostname) kind='text' ;;
	bwrap:--chdir) kind='dir' ;;
	bwrap:--setenv) kind='text' ;;
	bwrap:--unsetenv) kind='text' ;;
	bwrap:--bind) kind='file' ;;
	bwrap:--bind-try) kind='file' ;;
	bwrap:--dev-bind) kind='file' ;;
	bwrap:--dev-bind-try) kind='file' ;;
	bwrap:--ro-bind) kind='file' ;;
	bwrap:--ro-bind-try) kind='file' ;;
	bwrap:--bind-fd) kind='text' ;;
	bwrap:--ro-bind-fd) kind='text' ;;
	bwrap:--remount-ro) kind='text' ;;
	bwrap:--overlay-src) kind='dir' ;;
	bwrap:--overlay) kind='dir' ;;
	bwrap:--tmp-overlay) kind='text' ;;
	bwrap:--ro-overlay) kind='text' ;;
	bwrap:--proc) kind='text' ;;
	bwrap:--dev) kind='text' ;;
	bwrap:--tmpfs) kind='text' ;;
	bwrap:--mqueue) kind='text' ;;
	bwrap:--dir) kind='text' ;;
	bwrap:--file) kind='text' ;;
	bwrap:--bind-data) kind='text' ;;
	bwrap:--ro-bind-data) kind='text' ;;
	bwrap:--symlink) kind='text' ;;
	bwrap:--perms) kind='text' ;;
	bwrap:--size) kind='text' ;;
	bwrap:--chmod) kind='text' ;;
	bwrap:--seccomp) kind='text' ;;
	bwrap:--add-seccomp-fd) kind='text' ;;
	bwrap:--exec-label) kind='text' ;;
	bwrap:--file-label) kind='text' ;;
	bwrap:--cap-add) kind='cap' ;;
	bwrap:--cap-drop) kind='cap' ;;
	bwrap:--lock-file) kind='text' ;;
	bwrap:--sync-fd) kind='text' ;;
	bwrap:--block-fd) kind='text' ;;
	bwrap:--userns-block-fd) kind='text' ;;
	bwrap:--info-fd) kind='text' ;;
	bwrap:--json-status-fd) kind='text' ;;
	images:--format) kind='words table json names' ;;
	export:-o | export:--output) kind='file' ;;
	export:--platform) kind='text' ;;
	history:--format) kind='words table json' ;;
	import:-c | import:--change) kind='text' ;;
	import:-m | import:--message) kind='text' ;;
	import:--platform) kind='text' ;;
	import:--compression) kind='words gzip zstd none' ;;
	import:--exclude) kind='text' ;;
	import:--owner) kind='text' ;;
	import:--limit-bytes) kind='text' ;;
	import:--limit-entries) kind='text' ;;
	import:--limit-ratio) kind='text' ;;
	load:-i | load:--input) kind='file' ;;
	load:--name) kind='text' ;;
	load:--limit-bytes) kind='text' ;;
	load:--limit-entries) kind='text' ;;
	load:--limit-ratio) kind='text' ;;
	save:-o | save:--output) kind='file' ;;
	save:--format) kind='words oci-archive oci-dir docker-archive' ;;
	save:--compression) kind='words gzip zstd none' ;;
	inspect:--platform) kind='text' ;;
	pull:--platform) kind='text' ;;
	pull:--tls-verify) kind='words true false' ;;
	pull:--authfile) kind='file' ;;
	pull:--auth-host) kind='text' ;;
	pull:--cert-dir) kind='dir' ;;
	pull:--timeout) kind='text' ;;
	copy:--tls-verify) kind='words true false' ;;
	copy:--authfile) kind='file' ;;
	copy:--auth-host) kind='text' ;;
	copy:--cert-dir) kind='dir' ;;
	copy:--timeout) kind='text' ;;
	push:--compression) kind='words gzip zstd none' ;;
	push:--tls-verify) kind='words true false' ;;
	push:--authfile) kind='file' ;;
	push:--auth-host) kind='text' ;;
	push:--cert-dir) kind='dir' ;;
	push:--timeout) kind='text' ;;
	tags:--tls-verify) kind='words true false' ;;
	tags:--authfile) kind='file' ;;
	tags:--auth-host) kind='text' ;;
	tags:--cert-dir) kind='dir' ;;
	tags:--timeout) kind='text' ;;
	search:-n | search:--limit) kind='text' ;;
	search:--tls-verify) kind='words true false' ;;
	search:--authfile) kind='file' ;;
	search:--auth-host) kind='text' ;;
	search:--cert-dir) kind='dir' ;;
	search:--timeout) kind='text' ;;
	login:-u | login:--user) kind='text' ;;
	login:--tls-verify) kind='words true false' ;;
	login:--authfile) kind='file' ;;
	login:--auth-host) kind='text' ;;
	login:--cert-dir) kind='dir' ;;
	login:--timeout) kind='text' ;;
	logout:--authfile) kind='file' ;;
	serve:--listen) kind='text' ;;
	serve:--auth) kind='file' ;;
	serve:--tls-cert) kind='file' ;;
	serve:--tls-key) kind='file' ;;
	serve:--limit-bytes) kind='text' ;;
	df:--format) kind='words table json' ;;
	prune:--format) kind='words table json' ;;
	ps:--format) kind='words table json names' ;;
	diff:--format) kind='words table json' ;;
	commit:-c | commit:--change) kind='text' ;;
	commit:-m | commit:--message) kind='text' ;;
	commit:-a | commit:--author) kind='text' ;;
	doctor:--format) kind='words table json' ;;
	*) kind= ;;
	esac
}

_rootlet_options()
{
	case $1 in
	run) echo '--layer= --read-only --home= -v --volume= --tmpfs= --here --device= --add-host= --platform= --pull= -w --workdir= -e --env= --env-file= -u --user= -h --hostname= --entrypoint= --ulimit= --timeout= --stop-signal= --umask= --init= --pass-fd= --events-fd= -i --interactive -t --tty --commit= -q --quiet --apply= --save= --keep --name= --rm --net= --network= --proc= --idmap= --cap-add= --cap-drop= --new-privs= --seccomp= --privileged --help' ;;
	try) echo '--apply= --save= --home= -v --volume= --tmpfs= -w --workdir= -e --env= --timeout= --net= --help' ;;
	apply) echo '-l --list --elsewhere --help' ;;
	bwrap) echo '--help --version --args= --argv0= --level-prefix --not-a-security-boundary --unshare-all --share-net --unshare-user --unshare-user-try --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup --unshare-cgroup-try --userns= --userns2= --disable-userns --assert-userns-disabled --pidns= --uid= --gid= --hostname= --chdir= --clearenv --setenv= --unsetenv= --bind= --bind-try= --dev-bind= --dev-bind-try= --ro-bind= --ro-bind-try= --bind-fd= --ro-bind-fd= --remount-ro= --overlay-src= --overlay= --tmp-overlay= --ro-overlay= --proc= --dev= --tmpfs= --mqueue= --dir= --file= --bind-data= --ro-bind-data= --symlink= --perms= --size= --chmod= --seccomp= --add-seccomp-fd= --exec-label= --file-label= --cap-add= --cap-drop= --lock-file= --sync-fd= --block-fd= --userns-block-fd= --info-fd= --json-status-fd= --new-session --die-with-parent --as-pid-1 --help' ;;
	images) echo '--format= -q --quiet --help' ;;
	export) echo '-o --output= --platform= -q --quiet --help' ;;
	history) echo '--format= --no-trunc -q --quiet --help' ;;
	import) echo '-c --change= -m --message= --platform= --compression= --exclude= --owner= -q --quiet --limit-bytes= --limit-entries= --limit-ratio= --help' ;;
	load) echo '-i --input= --name= --no-unpack -q --quiet --limit-bytes= --limit-entries= --limit-ratio= --help' ;;
	save) echo '-o --output= --format= --compression= -q --quiet --help' ;;
	inspect) echo '--platform= --help' ;;
	tag) echo '--help' ;;
	rmi) echo '-f --force --help' ;;
	pull) echo '--platform= --all-platforms -q --quiet --tls-verify= --authfile= --auth-host= --cert-dir= --timeout= --debug --help' ;;
	copy) echo '-a --all --with-referrers -q --quiet --tls-verify= --authfile= --auth-host= --cert-dir= --timeout= --debug --help' ;;
	push) echo '-a --all-tags --compression= -q --quiet --tls-verify= --authfile= --auth-host= --cert-dir= --timeout= --debug --help' ;;
	tags) echo '--tls-verify= --authfile= --auth-host= --cert-dir= --timeout= --debug --help' ;;
	search) echo '-n --limit= -q --quiet --tls-verify= --authfile= --auth-host= --cert-dir= --timeout= --debug --help' ;;
	login) echo '-u --user= --password-stdin --get-login --tls-verify= --authfile= --auth-host= --cert-dir= --timeout= --debug --help' ;;
	logout) echo '-a --all --authfile= --help' ;;
	serve) echo '--listen= --read-only --auth= --tls-cert= --tls-key= --limit-bytes= --stdio -q --quiet --help' ;;
	df) echo '--format= --help' ;;
	prune) echo '-a --all -n --dry-run -f --force --format= --help' ;;
	verify) echo '-q --quiet --help' ;;
	ps) echo '-a --all --format= -q --quiet --help' ;;
	start) echo '-a --attach -i --interactive --help' ;;
	rm) echo '-f --force --help' ;;
	diff) echo '--format= --last --patch --help' ;;
	commit) echo '-c --change= -m --message= -a --author= -q --quiet --help' ;;
	snapshot) echo '--list --rm --help' ;;
	rollback) echo '--help' ;;
	unshare) echo '--help' ;;
	doctor) echo '--format= --help' ;;
	spec) echo '--help' ;;
	esac
}

# Prints the kind of the first operand of command $1, and ... when more of them follow.
_rootlet_operand()
{
	case $1 in
	run) echo 'base' ;;
	apply) echo 'file' ;;
	history) echo 'image' ;;
	import) echo 'file' ;;
	save) echo 'image...' ;;
	inspect) echo 'image...' ;;
	tag) echo 'image' ;;
	rmi) echo 'image...' ;;
	pull) echo 'image' ;;
	push) echo 'image' ;;
	verify) echo 'image...' ;;
	start) echo 'container' ;;
	rm) echo 'container...' ;;
	diff) echo 'container' ;;
	commit) echo 'container' ;;
	snapshot) echo 'container' ;;
	rollback) echo 'container' ;;
	spec) echo 'literal run' ;;
	esac
}

_rootlet_rest_is_command()
{
	case $1 in
	run) return 0 ;;
	try) return 0 ;;
	bwrap) return 0 ;;
	start) return 0 ;;
	unshare) return 0 ;;
	spec) return 0 ;;
	esac
	return 1
}

# Sets words and cword: COMP_WORDS, joined again where bash has split them at "=" and ":".
_rootlet_words()
{
	local line=${COMP_LINE:0:COMP_POINT} rest word i

	words=() cword=0
	for ((i = 0; i <= COMP_CWORD; i++)); do
		rest=${line#"${line%%[![:blank:]]*}"}
		word=${COMP_WORDS[i]-}
		((i == COMP_CWORD)) && word=$rest
		if ((i > 0)) && [[ $rest == "$line" ]]; then
			words[cword]+=$word
		else
			((cword = i > 0 ? cword + 1 : 0))
			words[cword]=$word
		fi
		line=${rest#"$word"}
	done
}

# Sets kind to the kind of value that option word $2 of command $1 takes from the next word.
_rootlet_pending()
{
	local i

	kind=
	case $2 in
	--*=*) ;;
	--*) _rootlet_kind "$1" "$2" ;;
	-?*)
		for ((i = 1; i < ${#2}; i++)); do
			_rootlet_kind "$1" "-${2:i:1}"
			[[ -n $kind ]] || continue
			((i == ${#2} - 1)) || kind=
			return
		done
		;;
	esac
}

# Reads the words before the cursor: sets cmd, operands, ended (no options any more), and kind
# when the word at the cursor is the value of an option.
_rootlet_scan()
{
	local i word

	cmd='' kind='' ended='' store='' operands=()
	for ((i = 1; i < cword; i++)); do
		word=${words[i]}
		if [[ -n $kind ]]; then
			[[ -n $cmd ]] || store=$word
			kind=
		elif [[ -z $cmd ]]; then
			if [[ $word == --store ]]; then
				kind=dir
			elif [[ $word == --store=* ]]; then
				store=${word#*=}
			elif [[ $word != -* ]]; then
				cmd=$word
			fi
		elif [[ $word == -- && ${#operands[@]} -le 1 ]]; then
			ended=1
		elif [[ -z $ended && $word == -?* ]]; then
			_rootlet_pending "$cmd" "$word"
		elif [[ ${#operands[@]} -eq 0 && $(_rootlet_operand "$cmd") == "literal $word" ]]; then
			cmd=$word
		else
			operands+=("$word")
			ended=1
		fi
	done
}

# Offers $1 followed by each of the words $3... that starts with $2.
_rootlet_add()
{
	local prefix=$1 value=$2 word

	shift 2
	for word; do
		[[ $word == "$value"* ]] && COMPREPLY+=("$prefix$word")
	done
}

# Offers file names: $1 is -f (files) or -d (directories), $2 and $3 as for _rootlet_value.
_rootlet_paths()
{
	local path value=${2//\\/}

	compopt -o filenames 2>/dev/null
	while IFS= read -r path; do
		COMPREPLY+=("$3$path")
	# The word is as it was typed, with its quoting.
	done < <(compgen "$1" -- "${value#[\"\']}")
}

# Offers values of kind $1 that start with $2; $3 stands before them in the same word.
_rootlet_value()
{
	local word

	case $1 in
	words*) _rootlet_add "$3" "$2" ${1#words} ;;
	cap) _rootlet_add "$3" "$2" $_rootlet_caps ;;
	esac
	case $1 in
	file | words*\ FILE) _rootlet_paths -f "$2" "$3" ;;
	dir) _rootlet_paths -d "$2" "$3" ;;
	path)
		# After the colon comes a path inside, which cannot be seen from here.
		[[ $2 == *:* ]] && return
		compopt -o nospace 2>/dev/null
		_rootlet_paths -f "$2" "$3"
		;;
	user)
		while IFS= read -r word; do
			COMPREPLY+=("$3$word")
		done < <(compgen -u -- "$2")
		;;
	esac
}

# Offers the names that start with $1 and that command $2... of rootlet lists.
_rootlet_names()
{
	local cur=$1 name

	shift
	while IFS= read -r name; do
		[[ $name == *[!A-Za-z0-9._/:@+-]* ]] || _rootlet_add '' "$cur" "$name"
	done < <(command rootlet ${store:+"--store=$store"} "$@" --format=names 2>/dev/null)
}

# Offers the programs of base $1 that start with $2: names are listed, nothing is run.
_rootlet_programs()
{
	local base=${1/#\~\//~/} file name

	if [[ $2 == */* || $1 != */* ]]; then
		while IFS= read -r name; do
			COMPREPLY+=("$name")
		done < <(compgen -c -- "$2")
		return
	fi
	for file in "$base"/{usr/local/,usr/,}{bin,sbin}/*; do
		name=${file##*/}
		# Names come from somebody else's tree: only harmless ones.
		[[ $name == *[!A-Za-z0-9._+-]* ]] || _rootlet_add '' "$2" "$name"
	done
}

_rootlet_complete()
{
	local cur=$1

	if [[ -n $kind ]]; then
		_rootlet_value "$kind" "$cur" ''
	elif [[ -z $cmd && $cur == --store=* ]]; then
		_rootlet_value dir "${cur#*=}" --store=
	elif [[ -z $cmd ]]; then
		_rootlet_add '' "$cur" $_rootlet_commands --help --store= --version
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
	elif [[ -z $ended && $cur == --*=* ]]; then
		_rootlet_kind "$cmd" "${cur%%=*}"
		_rootlet_value "$kind" "${cur#*=}" "${cur%%=*}="
	elif [[ -z $ended && $cur == -[!-]?* ]]; then
		_rootlet_kind "$cmd" "${cur:0:2}"
		_rootlet_value "$kind" "${cur:2}" "${cur:0:2}"
	elif [[ -z $ended && $cur == -* ]]; then
		_rootlet_add '' "$cur" $(_rootlet_options "$cmd")
		[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
	elif ((${#operands[@]} == 0)) || [[ $(_rootlet_operand "$cmd") == *... ]]; then
		_rootlet_first "$cmd" "$cur"
	elif _rootlet_rest_is_command "$cmd"; then
		if ((${#operands[@]} == 1)); then
			_rootlet_programs "${operands[0]}" "$cur"
		else
			_rootlet_paths -f "$cur" ''
		fi
	fi
}

# Offers what the first operand of command $1 can be.
_rootlet_first()
{
	case $(_rootlet_operand "$1") in
	literal\ *)
		set -- "$1" "$2" "$(_rootlet_operand "$1")"
		_rootlet_add '' "$2" "${3#literal }"
		;;
	base)
		_rootlet_add '' "$2" host
		_rootlet_names "$2" images
		compopt -o nospace 2>/dev/null
		_rootlet_paths -d "$2" ''
		;;
	image*) _rootlet_names "$2" images ;;
	container*) _rootlet_names "$2" ps --all ;;
	dir) _rootlet_paths -d "$2" '' ;;
	file*) _rootlet_paths -f "$2" '' ;;
	esac
}

_rootlet()
{
	local words cword cmd kind ended store operands cur before i

	COMPREPLY=()
	_rootlet_words
	_rootlet_scan
	cur=${words[cword]}
	_rootlet_complete "$cur"
	# What is replaced starts after the last character at which bash splits words.
	before=$cur
	while [[ -n $before && ! ($before == *= && $COMP_WORDBREAKS == *=*) &&
		! ($before == *: && $COMP_WORDBREAKS == *:*) ]]; do
		before=${before%?}
	done
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$before"}
	done
}

complete -F _rootlet rootlet

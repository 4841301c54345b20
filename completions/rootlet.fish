# fish completion of rootlet(1), written from the option tables by "make update-docs"

function __rootlet_with_value
    switch $argv[1]
        case run
            printf '%s\n' --layer --home -v --volume --tmpfs --device --add-host --platform --pull -w --workdir -e --env --env-file -u --user -h --hostname --entrypoint --ulimit --timeout --stop-signal --umask --init --pass-fd --events-fd --commit --apply --save --name --net --network --proc --idmap --cap-add --cap-drop --new-privs --seccomp
        case try
            printf '%s\n' --apply --save --home -v --volume --tmpfs -w --workdir -e --env --timeout --net
        case apply
            printf '%s\n'
        case bwrap
            printf '%s\n' --args --argv0 --userns --userns2 --pidns --uid --gid --hostname --chdir --setenv --unsetenv --bind --bind-try --dev-bind --dev-bind-try --ro-bind --ro-bind-try --bind-fd --ro-bind-fd --remount-ro --overlay-src --overlay --tmp-overlay --ro-overlay --proc --dev --tmpfs --mqueue --dir --file --bind-data --ro-bind-data --symlink --perms --size --chmod --seccomp --add-seccomp-fd --exec-label --file-label --cap-add --cap-drop --lock-file --sync-fd --block-fd --userns-block-fd --info-fd --json-status-fd
        case images
            printf '%s\n' --format
        case export
            printf '%s\n' -o --output --platform
        case history
            printf '%s\n' --format
        case import
            printf '%s\n' -c --change -m --message --platform --compression --exclude --owner --limit-bytes --limit-entries --limit-ratio
        case load
            printf '%s\n' -i --input --name --limit-bytes --limit-entries --limit-ratio
        case save
            printf '%s\n' -o --output --format --compression
        case inspect
            printf '%s\n' --platform
        case tag
            printf '%s\n'
        case rmi
            printf '%s\n'
        case pull
            printf '%s\n' --platform --tls-verify --authfile --auth-host --cert-dir --timeout
        case copy
            printf '%s\n' --tls-verify --authfile --auth-host --cert-dir --timeout
        case push
            printf '%s\n' --compression --tls-verify --authfile --auth-host --cert-dir --timeout
        case tags
            printf '%s\n' --tls-verify --authfile --auth-host --cert-dir --timeout
        case search
            printf '%s\n' -n --limit --tls-verify --authfile --auth-host --cert-dir --timeout
        case login
            printf '%s\n' -u --user --tls-verify --authfile --auth-host --cert-dir --timeout
        case logout
            printf '%s\n' --authfile
        case serve
            printf '%s\n' --listen --auth --tls-cert --tls-key --limit-bytes
        case df
            printf '%s\n' --format
        case prune
            printf '%s\n' --format
        case verify
            printf '%s\n'
        case ps
            printf '%s\n' --format
        case start
            printf '%s\n'
        case rm
            printf '%s\n'
        case diff
            printf '%s\n' --format
        case commit
            printf '%s\n' -c --change -m --message -a --author
        case snapshot
            printf '%s\n'
        case rollback
            printf '%s\n'
        case unshare
            printf '%s\n'
        case doctor
            printf '%s\n' --format
        case spec
            printf '%s\n'
    end
end

function __rootlet_literal
    switch $argv[1]
        case spec
            echo run
        case '*'
            echo
    end
end

# Prints what stands before the cursor: the command, the number of its operands, and 1 when no
# options can come any more.
function __rootlet_state
    set -l tokens (commandline -opc)
    set -l command ''
    set -l operands 0
    set -l ended 0
    set -l skip 0
    for token in $tokens[2..-1]
        if test $skip = 1
            set skip 0
        else if test -z "$command"
            if test "$token" = --store
                set skip 1
            else if not string match -q -- '-*' $token
                set command $token
            end
        else if test "$token" = --; and test $operands -le 1
            set ended 1
        else if test $operands = 0; and test $ended = 0; and string match -q -- '-?*' $token
            if __rootlet_takes_next $command $token
                set skip 1
            end
        else if test $operands = 0; and test "$token" = (__rootlet_literal $command)
            set command $token
        else
            set operands (math $operands + 1)
            set ended 1
        end
    end
    # The value of --store: no command, nor an option.
    test -z "$command"; and test $skip = 1; and set operands 1
    echo "$command $operands $ended"
end

# Does option word $argv[2] of command $argv[1] take the next word as its value?
function __rootlet_takes_next
    set -l with_value (__rootlet_with_value $argv[1])
    string match -q -- '--*=*' $argv[2]; and return 1
    if string match -q -- '--*' $argv[2]
        contains -- $argv[2] $with_value
        return
    end
    set -l letters (string split '' -- (string sub -s 2 -- $argv[2]))
    for i in (seq (count $letters))
        if contains -- -$letters[$i] $with_value
            test $i = (count $letters)
            return
        end
    end
    return 1
end

# Is the word at the cursor one of the program's commands?
function __rootlet_at_command
    test ' 0 0' = (__rootlet_state | string collect)
end

# Can options of command $argv[1] stand at the cursor?
function __rootlet_at_options
    test "$argv[1] 0 0" = (__rootlet_state)
end

# Prints the names that command $argv of the rootlet of $PATH lists.
function __rootlet_names
    set -l tokens (commandline -opc)
    set -l store
    if string match -q -- '--store=*' $tokens[2]
        set store $tokens[2]
    else if test "$tokens[2]" = --store
        set store $tokens[2..3]
    end
    command rootlet $store $argv --format=names 2>/dev/null
end

# Is the word at the cursor operand $argv[2] (0: the first, 2+: a later one, +: any) of $argv[1]?
function __rootlet_at_operand
    set -l state (string split ' ' -- (__rootlet_state))
    test "$state[1]" = $argv[1]; or return 1
    test $argv[2] = +; and return 0
    if test $argv[2] = 2+
        test $state[2] -ge 2
    else
        test $state[2] = $argv[2]
    end
end

complete -c rootlet -f
complete -c rootlet -n __rootlet_at_command -l help -d 'show the commands'
complete -c rootlet -n "test ' 1 0' = (__rootlet_state | string collect)" -a '(__fish_complete_directories)'
complete -c rootlet -n __rootlet_at_command -l store -r -a '(__fish_complete_directories)' -d 'keep everything in this directory'
complete -c rootlet -n __rootlet_at_command -l version -d 'show the version'

complete -c rootlet -n __rootlet_at_command -a run -d 'run a command in a throwaway copy of the machine, or over an image or a directory'
complete -c rootlet -n '__rootlet_at_options run' -l layer -x -a 'disk ram' -d 'where writes go (default: disk)'
complete -c rootlet -n '__rootlet_at_options run' -l read-only -d 'refuse writes to the base'
complete -c rootlet -n '__rootlet_at_options run' -l home -x -a 'share layer hide' -d 'the home directory, for base host (default: layer)'
complete -c rootlet -n '__rootlet_at_options run' -s v -l volume -r -F -d 'bind mount SRC of this machine on DST'
complete -c rootlet -n '__rootlet_at_options run' -l tmpfs -x -d 'an empty file system in memory on DST'
complete -c rootlet -n '__rootlet_at_options run' -l here -d 'share the current directory and start in it'
complete -c rootlet -n '__rootlet_at_options run' -l device -r -F -d 'give access to a device node of this machine'
complete -c rootlet -n '__rootlet_at_options run' -l add-host -x -d 'add a line to /etc/hosts'
complete -c rootlet -n '__rootlet_at_options run' -l platform -x -d 'of an image for several, run the one for this platform'
complete -c rootlet -n '__rootlet_at_options run' -l pull -x -a 'missing always newer never' -d 'when an image is pulled before it is run (default: missing)'
complete -c rootlet -n '__rootlet_at_options run' -s w -l workdir -x -a '(__fish_complete_directories)' -d 'start the command in DIR'
complete -c rootlet -n '__rootlet_at_options run' -s e -l env -x -d 'set a variable, or pass on the caller\'s'
complete -c rootlet -n '__rootlet_at_options run' -l env-file -r -F -d 'read variables from FILE, one K[=V] a line'
complete -c rootlet -n '__rootlet_at_options run' -s u -l user -x -a '(__fish_complete_users)' -d 'run as this user (default: root)'
complete -c rootlet -n '__rootlet_at_options run' -s h -l hostname -x -d 'name of the machine inside'
complete -c rootlet -n '__rootlet_at_options run' -l entrypoint -r -F -d 'put PROGRAM in front of COMMAND'
complete -c rootlet -n '__rootlet_at_options run' -l ulimit -x -d 'set a resource limit, as nofile=1024'
complete -c rootlet -n '__rootlet_at_options run' -l timeout -x -d 'end the command after 500ms, 10s, 5m, 1h'
complete -c rootlet -n '__rootlet_at_options run' -l stop-signal -x -d 'what asks the command to end (default: TERM)'
complete -c rootlet -n '__rootlet_at_options run' -l umask -x -d 'file mode mask (default: 022)'
complete -c rootlet -n '__rootlet_at_options run' -l init -x -a 'yes no' -d 'PID 1 of rootlet in front of the command (default: yes)'
complete -c rootlet -n '__rootlet_at_options run' -l pass-fd -x -d 'let the command inherit descriptor N'
complete -c rootlet -n '__rootlet_at_options run' -l events-fd -x -d 'write start and end as JSON lines to descriptor N'
complete -c rootlet -n '__rootlet_at_options run' -s i -l interactive -d 'accepted for compatibility; stdin is always connected'
complete -c rootlet -n '__rootlet_at_options run' -s t -l tty -d 'accepted for compatibility; a terminal is used when there is one'
complete -c rootlet -n '__rootlet_at_options run' -l commit -x -d 'when the command succeeds, make an image of what it has changed'
complete -c rootlet -n '__rootlet_at_options run' -s q -l quiet -d 'do not show how far unpacking and committing are'
complete -c rootlet -n '__rootlet_at_options run' -l apply -x -a 'ask yes no' -d 'afterwards, bring the changes to the directories that lay under the layer'
complete -c rootlet -n '__rootlet_at_options run' -l save -r -F -d 'afterwards, save these changes for rootlet apply'
complete -c rootlet -n '__rootlet_at_options run' -l keep -d 'keep what the command has changed, to start it again'
complete -c rootlet -n '__rootlet_at_options run' -l name -x -d 'what the container that is kept is called'
complete -c rootlet -n '__rootlet_at_options run' -l rm -d 'accepted for compatibility; the layer is removed without --keep'
complete -c rootlet -n '__rootlet_at_options run' -l net -x -a 'none host' -d 'network (default: none)'
complete -c rootlet -n '__rootlet_at_options run' -l network -x -a 'none host' -d 'the same as --net'
complete -c rootlet -n '__rootlet_at_options run' -l proc -x -a 'fresh host' -d 'what /proc is (default: fresh)'
complete -c rootlet -n '__rootlet_at_options run' -l idmap -x -a 'auto range root single' -d 'which user ids exist inside (default: auto)'
complete -c rootlet -n '__rootlet_at_options run' -l cap-add -x -a 'ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' -d 'keep a capability, or ALL'
complete -c rootlet -n '__rootlet_at_options run' -l cap-drop -x -a 'ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' -d 'drop a capability, or ALL'
complete -c rootlet -n '__rootlet_at_options run' -l new-privs -x -a 'yes no' -d 'let setuid programs work inside (default: yes for images)'
complete -c rootlet -n '__rootlet_at_options run' -l seccomp -r -F -d 'system call filter; FILE is an OCI profile in JSON'
complete -c rootlet -n '__rootlet_at_options run' -l privileged -d 'all capabilities and no system call filter'
complete -c rootlet -n '__rootlet_at_options run' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand run 0' -a 'host (__rootlet_names images) (__fish_complete_directories)'
complete -c rootlet -n '__rootlet_at_operand run 1' -a '(__fish_complete_command)'
complete -c rootlet -n '__rootlet_at_operand run 2+' -F

complete -c rootlet -n __rootlet_at_command -a try -d 'run a command on a copy of the machine, and apply of its changes what you like'
complete -c rootlet -n '__rootlet_at_options try' -l apply -x -a 'ask yes no' -d 'what becomes of the changes (default: ask)'
complete -c rootlet -n '__rootlet_at_options try' -l save -r -F -d 'save the changes in FILE, for rootlet apply'
complete -c rootlet -n '__rootlet_at_options try' -l home -x -a 'share layer hide' -d 'the home directory (default: layer)'
complete -c rootlet -n '__rootlet_at_options try' -s v -l volume -r -F -d 'bind mount SRC of this machine on DST'
complete -c rootlet -n '__rootlet_at_options try' -l tmpfs -x -d 'an empty file system in memory on DST'
complete -c rootlet -n '__rootlet_at_options try' -s w -l workdir -x -a '(__fish_complete_directories)' -d 'start the command in DIR (default: the current directory)'
complete -c rootlet -n '__rootlet_at_options try' -s e -l env -x -d 'set a variable, or pass on the caller\'s'
complete -c rootlet -n '__rootlet_at_options try' -l timeout -x -d 'end the command after TIME: 30s, 5m, 1h'
complete -c rootlet -n '__rootlet_at_options try' -l net -x -a 'none host' -d 'network (default: none)'
complete -c rootlet -n '__rootlet_at_options try' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a apply -d 'apply changes that try or run have saved'
complete -c rootlet -n '__rootlet_at_options apply' -s l -l list -d 'show what would be applied, and what cannot be'
complete -c rootlet -n '__rootlet_at_options apply' -l elsewhere -d 'apply changes outside of the directory, too'
complete -c rootlet -n '__rootlet_at_options apply' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand apply 0' -F

complete -c rootlet -n __rootlet_at_command -a bwrap -d 'what bubblewrap\'s bwrap(1) does, with its command line'
complete -c rootlet -n '__rootlet_at_options bwrap' -l help -d 'print this text'
complete -c rootlet -n '__rootlet_at_options bwrap' -l version -d 'print the version of bubblewrap that this is compatible with'
complete -c rootlet -n '__rootlet_at_options bwrap' -l args -x -d 'read more arguments from FD, each ended by a NUL'
complete -c rootlet -n '__rootlet_at_options bwrap' -l argv0 -x -d 'what the program sees as its own name'
complete -c rootlet -n '__rootlet_at_options bwrap' -l level-prefix -d 'put <N>, a severity of syslog(3), before each message'
complete -c rootlet -n '__rootlet_at_options bwrap' -l not-a-security-boundary -d 'accepted; there is no failure that it would make harmless'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-all -d 'all of: user-try, ipc, pid, net, uts, cgroup-try'
complete -c rootlet -n '__rootlet_at_options bwrap' -l share-net -d 'keep the network, after --unshare-all'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-user -d 'a new user namespace; implied unless root'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-user-try -d 'the same, if the kernel can'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-ipc -d 'a new IPC namespace'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-pid -d 'a new pid namespace'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-net -d 'a new network namespace, with nothing but a loopback device'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-uts -d 'a new UTS namespace: host name'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-cgroup -d 'a new cgroup namespace'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unshare-cgroup-try -d 'the same, if the kernel can'
complete -c rootlet -n '__rootlet_at_options bwrap' -l userns -x -d 'enter the user namespace of FD instead of a new one'
complete -c rootlet -n '__rootlet_at_options bwrap' -l userns2 -x -d 'enter that of FD once everything is set up'
complete -c rootlet -n '__rootlet_at_options bwrap' -l disable-userns -d 'no user namespaces can be made inside'
complete -c rootlet -n '__rootlet_at_options bwrap' -l assert-userns-disabled -d 'fail when one can be made inside'
complete -c rootlet -n '__rootlet_at_options bwrap' -l pidns -x -d 'enter the pid namespace of FD'
complete -c rootlet -n '__rootlet_at_options bwrap' -l uid -x -d 'user id inside'
complete -c rootlet -n '__rootlet_at_options bwrap' -l gid -x -d 'group id inside'
complete -c rootlet -n '__rootlet_at_options bwrap' -l hostname -x -d 'host name; needs --unshare-uts'
complete -c rootlet -n '__rootlet_at_options bwrap' -l chdir -x -a '(__fish_complete_directories)' -d 'the directory that the program starts in'
complete -c rootlet -n '__rootlet_at_options bwrap' -l clearenv -d 'remove all variables but PWD'
complete -c rootlet -n '__rootlet_at_options bwrap' -l setenv -x -d 'set a variable'
complete -c rootlet -n '__rootlet_at_options bwrap' -l unsetenv -x -d 'remove a variable'
complete -c rootlet -n '__rootlet_at_options bwrap' -l bind -r -F -d 'mount SRC of the host on DEST'
complete -c rootlet -n '__rootlet_at_options bwrap' -l bind-try -r -F -d 'the same, if there is a SRC'
complete -c rootlet -n '__rootlet_at_options bwrap' -l dev-bind -r -F -d 'as --bind, and devices in it can be used'
complete -c rootlet -n '__rootlet_at_options bwrap' -l dev-bind-try -r -F -d 'the same, if there is a SRC'
complete -c rootlet -n '__rootlet_at_options bwrap' -l ro-bind -r -F -d 'as --bind, read-only'
complete -c rootlet -n '__rootlet_at_options bwrap' -l ro-bind-try -r -F -d 'the same, if there is a SRC'
complete -c rootlet -n '__rootlet_at_options bwrap' -l bind-fd -x -d 'as --bind, of an open directory or O_PATH descriptor'
complete -c rootlet -n '__rootlet_at_options bwrap' -l ro-bind-fd -x -d 'the same, read-only'
complete -c rootlet -n '__rootlet_at_options bwrap' -l remount-ro -x -d 'make the mount at DEST read-only, not those below it'
complete -c rootlet -n '__rootlet_at_options bwrap' -l overlay-src -x -a '(__fish_complete_directories)' -d 'a lower directory for the overlay that follows; the first is the bottom'
complete -c rootlet -n '__rootlet_at_options bwrap' -l overlay -x -a '(__fish_complete_directories)' -d 'an overlay on DEST; writes go to RWSRC and stay'
complete -c rootlet -n '__rootlet_at_options bwrap' -l tmp-overlay -x -d 'an overlay on DEST; writes are gone at the end'
complete -c rootlet -n '__rootlet_at_options bwrap' -l ro-overlay -x -d 'a read-only overlay on DEST'
complete -c rootlet -n '__rootlet_at_options bwrap' -l proc -x -d 'a procfs'
complete -c rootlet -n '__rootlet_at_options bwrap' -l dev -x -d 'a minimal /dev'
complete -c rootlet -n '__rootlet_at_options bwrap' -l tmpfs -x -d 'an empty tmpfs'
complete -c rootlet -n '__rootlet_at_options bwrap' -l mqueue -x -d 'the message queues'
complete -c rootlet -n '__rootlet_at_options bwrap' -l dir -x -d 'make a directory'
complete -c rootlet -n '__rootlet_at_options bwrap' -l file -x -d 'copy FD to file DEST'
complete -c rootlet -n '__rootlet_at_options bwrap' -l bind-data -x -d 'copy FD to a file that is mounted on DEST'
complete -c rootlet -n '__rootlet_at_options bwrap' -l ro-bind-data -x -d 'the same, read-only'
complete -c rootlet -n '__rootlet_at_options bwrap' -l symlink -x -d 'make a symbolic link DEST that says SRC'
complete -c rootlet -n '__rootlet_at_options bwrap' -l perms -x -d 'permissions of what the next option makes'
complete -c rootlet -n '__rootlet_at_options bwrap' -l size -x -d 'size of the --tmpfs that follows'
complete -c rootlet -n '__rootlet_at_options bwrap' -l chmod -x -d 'change permissions of PATH, which exists'
complete -c rootlet -n '__rootlet_at_options bwrap' -l seccomp -x -d 'load a seccomp program; the last one wins'
complete -c rootlet -n '__rootlet_at_options bwrap' -l add-seccomp-fd -x -d 'load one more seccomp program'
complete -c rootlet -n '__rootlet_at_options bwrap' -l exec-label -x -d 'refused: needs SELinux'
complete -c rootlet -n '__rootlet_at_options bwrap' -l file-label -x -d 'refused: needs SELinux'
complete -c rootlet -n '__rootlet_at_options bwrap' -l cap-add -x -a 'ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' -d 'give a capability, CAP_..., or ALL'
complete -c rootlet -n '__rootlet_at_options bwrap' -l cap-drop -x -a 'ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' -d 'take a capability, CAP_..., or ALL'
complete -c rootlet -n '__rootlet_at_options bwrap' -l lock-file -x -d 'hold a read lock on DEST while the sandbox runs'
complete -c rootlet -n '__rootlet_at_options bwrap' -l sync-fd -x -d 'keep FD open while the sandbox runs'
complete -c rootlet -n '__rootlet_at_options bwrap' -l block-fd -x -d 'start the program when FD can be read'
complete -c rootlet -n '__rootlet_at_options bwrap' -l userns-block-fd -x -d 'let somebody else write the id map, and go on when FD can be read'
complete -c rootlet -n '__rootlet_at_options bwrap' -l info-fd -x -d 'write what was started to FD, as JSON'
complete -c rootlet -n '__rootlet_at_options bwrap' -l json-status-fd -x -d 'the same, and the exit status, one JSON a line'
complete -c rootlet -n '__rootlet_at_options bwrap' -l new-session -d 'a new terminal session'
complete -c rootlet -n '__rootlet_at_options bwrap' -l die-with-parent -d 'end when the caller does'
complete -c rootlet -n '__rootlet_at_options bwrap' -l as-pid-1 -d 'the program is pid 1 itself'
complete -c rootlet -n '__rootlet_at_options bwrap' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a images -d 'list the images'
complete -c rootlet -n '__rootlet_at_options images' -l format -x -a 'table json names' -d 'how to print them'
complete -c rootlet -n '__rootlet_at_options images' -s q -l quiet -d 'print digests only'
complete -c rootlet -n '__rootlet_at_options images' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a export -d 'write the files of an image or a container as one tar archive'
complete -c rootlet -n '__rootlet_at_options export' -s o -l output -r -F -d 'write FILE instead of standard output'
complete -c rootlet -n '__rootlet_at_options export' -l platform -x -d 'of an image for several, the one for this platform'
complete -c rootlet -n '__rootlet_at_options export' -s q -l quiet -d 'do not show how far it is'
complete -c rootlet -n '__rootlet_at_options export' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a history -d 'show how an image was made, the latest step first'
complete -c rootlet -n '__rootlet_at_options history' -l format -x -a 'table json' -d 'how to print it'
complete -c rootlet -n '__rootlet_at_options history' -l no-trunc -d 'do not shorten what is long'
complete -c rootlet -n '__rootlet_at_options history' -s q -l quiet -d 'print digests of layers only'
complete -c rootlet -n '__rootlet_at_options history' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand history 0' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a import -d 'make an image from a root file system, an archive or a directory'
complete -c rootlet -n '__rootlet_at_options import' -s c -l change -x -d 'apply an instruction of a Dockerfile to the configuration'
complete -c rootlet -n '__rootlet_at_options import' -s m -l message -x -d 'what the history of the image says'
complete -c rootlet -n '__rootlet_at_options import' -l platform -x -d 'what the programs in it are for'
complete -c rootlet -n '__rootlet_at_options import' -l compression -x -a 'gzip zstd none' -d 'how the image\'s layer is stored'
complete -c rootlet -n '__rootlet_at_options import' -l exclude -x -d 'leave out what is in the directory by that name'
complete -c rootlet -n '__rootlet_at_options import' -l owner -x -d 'whom all that is in the directory belongs to'
complete -c rootlet -n '__rootlet_at_options import' -s q -l quiet -d 'do not show how far it is'
complete -c rootlet -n '__rootlet_at_options import' -l limit-bytes -x -d 'refuse a layer whose files are larger than SIZE together (64G)'
complete -c rootlet -n '__rootlet_at_options import' -l limit-entries -x -d 'refuse a layer with more than N files and directories (4000000)'
complete -c rootlet -n '__rootlet_at_options import' -l limit-ratio -x -d 'refuse more than N bytes out of each one of a compressed layer (1000)'
complete -c rootlet -n '__rootlet_at_options import' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand import 0' -F

complete -c rootlet -n __rootlet_at_command -a load -d 'add the images of an archive of docker, podman or skopeo'
complete -c rootlet -n '__rootlet_at_options load' -s i -l input -r -F -d 'read FILE instead of standard input'
complete -c rootlet -n '__rootlet_at_options load' -l name -x -d 'what the one image of the archive is called, whatever the archive says'
complete -c rootlet -n '__rootlet_at_options load' -l no-unpack -d 'leave the layers packed until a run'
complete -c rootlet -n '__rootlet_at_options load' -s q -l quiet -d 'show no progress'
complete -c rootlet -n '__rootlet_at_options load' -l limit-bytes -x -d 'refuse a layer whose files are larger than SIZE together (64G)'
complete -c rootlet -n '__rootlet_at_options load' -l limit-entries -x -d 'refuse a layer with more than N files and directories (4000000)'
complete -c rootlet -n '__rootlet_at_options load' -l limit-ratio -x -d 'refuse more than N bytes out of each one of a compressed layer (1000)'
complete -c rootlet -n '__rootlet_at_options load' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a save -d 'write images to an archive that docker, podman and skopeo read'
complete -c rootlet -n '__rootlet_at_options save' -s o -l output -r -F -d 'write FILE instead of standard output'
complete -c rootlet -n '__rootlet_at_options save' -l format -x -a 'oci-archive oci-dir docker-archive' -d 'what to write'
complete -c rootlet -n '__rootlet_at_options save' -l compression -x -a 'gzip zstd none' -d 'compress the layers so'
complete -c rootlet -n '__rootlet_at_options save' -s q -l quiet -d 'show no progress'
complete -c rootlet -n '__rootlet_at_options save' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand save +' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a inspect -d 'print manifest and configuration of an image, as JSON'
complete -c rootlet -n '__rootlet_at_options inspect' -l platform -x -d 'of an image for several, the one for this platform'
complete -c rootlet -n '__rootlet_at_options inspect' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand inspect +' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a tag -d 'give an image one more name'
complete -c rootlet -n '__rootlet_at_options tag' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand tag 0' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a rmi -d 'take names from images'
complete -c rootlet -n '__rootlet_at_options rmi' -s f -l force -d 'take all names from an image that is given by its digest'
complete -c rootlet -n '__rootlet_at_options rmi' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand rmi +' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a pull -d 'fetch an image from a registry'
complete -c rootlet -n '__rootlet_at_options pull' -l platform -x -d 'of an image for several, fetch the one for this platform'
complete -c rootlet -n '__rootlet_at_options pull' -l all-platforms -d 'fetch those for all platforms'
complete -c rootlet -n '__rootlet_at_options pull' -s q -l quiet -d 'do not show how far it is'
complete -c rootlet -n '__rootlet_at_options pull' -l tls-verify -x -a 'true false' -d 'false: take any certificate, and plain HTTP, from this registry'
complete -c rootlet -n '__rootlet_at_options pull' -l authfile -r -F -d 'take names and passwords from FILE'
complete -c rootlet -n '__rootlet_at_options pull' -l auth-host -x -d 'HOST may be sent the password as well, where the registry says so'
complete -c rootlet -n '__rootlet_at_options pull' -l cert-dir -x -a '(__fish_complete_directories)' -d 'take certificates from DIR: *.crt of CAs, *.cert and *.key of ours'
complete -c rootlet -n '__rootlet_at_options pull' -l timeout -x -d 'give up a transfer that stands still so long (30)'
complete -c rootlet -n '__rootlet_at_options pull' -l debug -d 'show what is asked and answered'
complete -c rootlet -n '__rootlet_at_options pull' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand pull 0' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a copy -d 'copy an image between registries, archives and the store'
complete -c rootlet -n '__rootlet_at_options copy' -s a -l all -d 'copy what is for all platforms'
complete -c rootlet -n '__rootlet_at_options copy' -l with-referrers -d 'copy signatures and what else refers to the image, too'
complete -c rootlet -n '__rootlet_at_options copy' -s q -l quiet -d 'do not show how far it is'
complete -c rootlet -n '__rootlet_at_options copy' -l tls-verify -x -a 'true false' -d 'false: take any certificate, and plain HTTP, from this registry'
complete -c rootlet -n '__rootlet_at_options copy' -l authfile -r -F -d 'take names and passwords from FILE'
complete -c rootlet -n '__rootlet_at_options copy' -l auth-host -x -d 'HOST may be sent the password as well, where the registry says so'
complete -c rootlet -n '__rootlet_at_options copy' -l cert-dir -x -a '(__fish_complete_directories)' -d 'take certificates from DIR: *.crt of CAs, *.cert and *.key of ours'
complete -c rootlet -n '__rootlet_at_options copy' -l timeout -x -d 'give up a transfer that stands still so long (30)'
complete -c rootlet -n '__rootlet_at_options copy' -l debug -d 'show what is asked and answered'
complete -c rootlet -n '__rootlet_at_options copy' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a push -d 'send an image to a registry'
complete -c rootlet -n '__rootlet_at_options push' -s a -l all-tags -d 'push all tags of the repository'
complete -c rootlet -n '__rootlet_at_options push' -l compression -x -a 'gzip zstd none' -d 'compress the layers so'
complete -c rootlet -n '__rootlet_at_options push' -s q -l quiet -d 'do not show how far it is'
complete -c rootlet -n '__rootlet_at_options push' -l tls-verify -x -a 'true false' -d 'false: take any certificate, and plain HTTP, from this registry'
complete -c rootlet -n '__rootlet_at_options push' -l authfile -r -F -d 'take names and passwords from FILE'
complete -c rootlet -n '__rootlet_at_options push' -l auth-host -x -d 'HOST may be sent the password as well, where the registry says so'
complete -c rootlet -n '__rootlet_at_options push' -l cert-dir -x -a '(__fish_complete_directories)' -d 'take certificates from DIR: *.crt of CAs, *.cert and *.key of ours'
complete -c rootlet -n '__rootlet_at_options push' -l timeout -x -d 'give up a transfer that stands still so long (30)'
complete -c rootlet -n '__rootlet_at_options push' -l debug -d 'show what is asked and answered'
complete -c rootlet -n '__rootlet_at_options push' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand push 0' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a tags -d 'list the tags of a repository in a registry'
complete -c rootlet -n '__rootlet_at_options tags' -l tls-verify -x -a 'true false' -d 'false: take any certificate, and plain HTTP, from this registry'
complete -c rootlet -n '__rootlet_at_options tags' -l authfile -r -F -d 'take names and passwords from FILE'
complete -c rootlet -n '__rootlet_at_options tags' -l auth-host -x -d 'HOST may be sent the password as well, where the registry says so'
complete -c rootlet -n '__rootlet_at_options tags' -l cert-dir -x -a '(__fish_complete_directories)' -d 'take certificates from DIR: *.crt of CAs, *.cert and *.key of ours'
complete -c rootlet -n '__rootlet_at_options tags' -l timeout -x -d 'give up a transfer that stands still so long (30)'
complete -c rootlet -n '__rootlet_at_options tags' -l debug -d 'show what is asked and answered'
complete -c rootlet -n '__rootlet_at_options tags' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a search -d 'look for images in a registry, or in Docker Hub'
complete -c rootlet -n '__rootlet_at_options search' -s n -l limit -x -d 'show at most so many (25)'
complete -c rootlet -n '__rootlet_at_options search' -s q -l quiet -d 'show names alone'
complete -c rootlet -n '__rootlet_at_options search' -l tls-verify -x -a 'true false' -d 'false: take any certificate, and plain HTTP, from this registry'
complete -c rootlet -n '__rootlet_at_options search' -l authfile -r -F -d 'take names and passwords from FILE'
complete -c rootlet -n '__rootlet_at_options search' -l auth-host -x -d 'HOST may be sent the password as well, where the registry says so'
complete -c rootlet -n '__rootlet_at_options search' -l cert-dir -x -a '(__fish_complete_directories)' -d 'take certificates from DIR: *.crt of CAs, *.cert and *.key of ours'
complete -c rootlet -n '__rootlet_at_options search' -l timeout -x -d 'give up a transfer that stands still so long (30)'
complete -c rootlet -n '__rootlet_at_options search' -l debug -d 'show what is asked and answered'
complete -c rootlet -n '__rootlet_at_options search' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a login -d 'keep a name and password for a registry, once they are accepted'
complete -c rootlet -n '__rootlet_at_options login' -s u -l user -x -d 'the name of the user there'
complete -c rootlet -n '__rootlet_at_options login' -l password-stdin -d 'read the password from standard input'
complete -c rootlet -n '__rootlet_at_options login' -l get-login -d 'print who we are there, and do nothing else'
complete -c rootlet -n '__rootlet_at_options login' -l tls-verify -x -a 'true false' -d 'false: take any certificate, and plain HTTP, from this registry'
complete -c rootlet -n '__rootlet_at_options login' -l authfile -r -F -d 'take names and passwords from FILE'
complete -c rootlet -n '__rootlet_at_options login' -l auth-host -x -d 'HOST may be sent the password as well, where the registry says so'
complete -c rootlet -n '__rootlet_at_options login' -l cert-dir -x -a '(__fish_complete_directories)' -d 'take certificates from DIR: *.crt of CAs, *.cert and *.key of ours'
complete -c rootlet -n '__rootlet_at_options login' -l timeout -x -d 'give up a transfer that stands still so long (30)'
complete -c rootlet -n '__rootlet_at_options login' -l debug -d 'show what is asked and answered'
complete -c rootlet -n '__rootlet_at_options login' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a logout -d 'forget name and password for a registry'
complete -c rootlet -n '__rootlet_at_options logout' -s a -l all -d 'forget those of all registries'
complete -c rootlet -n '__rootlet_at_options logout' -l authfile -r -F -d 'forget what is in FILE'
complete -c rootlet -n '__rootlet_at_options logout' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a serve -d 'let docker, podman and others pull images from here, and push'
complete -c rootlet -n '__rootlet_at_options serve' -l listen -x -d 'listen there (127.0.0.1:5000)'
complete -c rootlet -n '__rootlet_at_options serve' -l read-only -d 'let images be pulled, and none be pushed'
complete -c rootlet -n '__rootlet_at_options serve' -l auth -r -F -d 'ask for a name and a password of FILE'
complete -c rootlet -n '__rootlet_at_options serve' -l tls-cert -r -F -d 'speak TLS, with this certificate (PEM)'
complete -c rootlet -n '__rootlet_at_options serve' -l tls-key -r -F -d 'the key of the certificate (PEM)'
complete -c rootlet -n '__rootlet_at_options serve' -l limit-bytes -x -d 'refuse a layer that has more'
complete -c rootlet -n '__rootlet_at_options serve' -l stdio -d 'speak on standard input and output, and end with them'
complete -c rootlet -n '__rootlet_at_options serve' -s q -l quiet -d 'do not tell what is pulled and pushed'
complete -c rootlet -n '__rootlet_at_options serve' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a df -d 'show how much of the disk images and containers take'
complete -c rootlet -n '__rootlet_at_options df' -l format -x -a 'table json' -d 'how to print it'
complete -c rootlet -n '__rootlet_at_options df' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a prune -d 'remove what no image, no container and no run needs any more'
complete -c rootlet -n '__rootlet_at_options prune' -s a -l all -d 'remove images, too, that no container uses'
complete -c rootlet -n '__rootlet_at_options prune' -s n -l dry-run -d 'only list what would be removed'
complete -c rootlet -n '__rootlet_at_options prune' -s f -l force -d 'do not ask'
complete -c rootlet -n '__rootlet_at_options prune' -l format -x -a 'table json' -d 'how to print what was removed'
complete -c rootlet -n '__rootlet_at_options prune' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a verify -d 'compare blobs and unpacked layers with their digests'
complete -c rootlet -n '__rootlet_at_options verify' -s q -l quiet -d 'print only what differs'
complete -c rootlet -n '__rootlet_at_options verify' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand verify +' -a '(__rootlet_names images)'

complete -c rootlet -n __rootlet_at_command -a ps -d 'list the containers that run, or all that are kept'
complete -c rootlet -n '__rootlet_at_options ps' -s a -l all -d 'also those that do not run'
complete -c rootlet -n '__rootlet_at_options ps' -l format -x -a 'table json names' -d 'how to print them'
complete -c rootlet -n '__rootlet_at_options ps' -s q -l quiet -d 'as --format=names'
complete -c rootlet -n '__rootlet_at_options ps' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a start -d 'run a container again that has been kept'
complete -c rootlet -n '__rootlet_at_options start' -s a -l attach -d 'accepted for compatibility; it is always in the foreground'
complete -c rootlet -n '__rootlet_at_options start' -s i -l interactive -d 'accepted for compatibility; stdin is always connected'
complete -c rootlet -n '__rootlet_at_options start' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand start 0' -a '(__rootlet_names ps --all)'
complete -c rootlet -n '__rootlet_at_operand start 1' -a '(__fish_complete_command)'
complete -c rootlet -n '__rootlet_at_operand start 2+' -F

complete -c rootlet -n __rootlet_at_command -a rm -d 'remove containers that have been kept'
complete -c rootlet -n '__rootlet_at_options rm' -s f -l force -d 'also one that runs: it is ended first'
complete -c rootlet -n '__rootlet_at_options rm' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand rm +' -a '(__rootlet_names ps --all)'

complete -c rootlet -n __rootlet_at_command -a diff -d 'list what a container that is kept has changed'
complete -c rootlet -n '__rootlet_at_options diff' -l format -x -a 'table json' -d 'how to print changes'
complete -c rootlet -n '__rootlet_at_options diff' -l last -d 'of the container that was made or started last'
complete -c rootlet -n '__rootlet_at_options diff' -l patch -d 'print what has changed in text files'
complete -c rootlet -n '__rootlet_at_options diff' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand diff 0' -a '(__rootlet_names ps --all)'

complete -c rootlet -n __rootlet_at_command -a commit -d 'make an image of a container that has been kept'
complete -c rootlet -n '__rootlet_at_options commit' -s c -l change -x -d 'alter the configuration, as "ENV A=B"'
complete -c rootlet -n '__rootlet_at_options commit' -s m -l message -x -d 'what the history of the image says'
complete -c rootlet -n '__rootlet_at_options commit' -s a -l author -x -d 'who made it'
complete -c rootlet -n '__rootlet_at_options commit' -s q -l quiet -d 'do not show how far it is'
complete -c rootlet -n '__rootlet_at_options commit' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand commit 0' -a '(__rootlet_names ps --all)'

complete -c rootlet -n __rootlet_at_command -a snapshot -d 'keep what a container is now under a name'
complete -c rootlet -n '__rootlet_at_options snapshot' -l list -d 'list the snapshots, the oldest first'
complete -c rootlet -n '__rootlet_at_options snapshot' -l rm -d 'forget a snapshot'
complete -c rootlet -n '__rootlet_at_options snapshot' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand snapshot 0' -a '(__rootlet_names ps --all)'

complete -c rootlet -n __rootlet_at_command -a rollback -d 'make a container what it was at a snapshot'
complete -c rootlet -n '__rootlet_at_options rollback' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand rollback 0' -a '(__rootlet_names ps --all)'

complete -c rootlet -n __rootlet_at_command -a unshare -d 'run a shell or a command on this machine, as root of your range of ids'
complete -c rootlet -n '__rootlet_at_options unshare' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a doctor -d 'try what rootlet needs of this machine, and say what to do about it'
complete -c rootlet -n '__rootlet_at_options doctor' -l format -x -a 'table json' -d 'how to print it'
complete -c rootlet -n '__rootlet_at_options doctor' -l help -d 'show a summary of the options'

complete -c rootlet -n __rootlet_at_command -a spec -d 'print what run would do, as JSON'
complete -c rootlet -n '__rootlet_at_options spec' -l help -d 'show a summary of the options'
complete -c rootlet -n '__rootlet_at_operand spec 0' -a run

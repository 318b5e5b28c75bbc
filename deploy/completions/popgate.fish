# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_popgate_global_optspecs
    string join \n h/help V/version
end

function __fish_popgate_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_popgate_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_popgate_using_subcommand
    set -l cmd (__fish_popgate_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c popgate -n "__fish_popgate_needs_command" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_needs_command" -s V -l version -d 'Print version'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "serve" -d 'Run the proxy'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "check" -d 'Validate a configuration file'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "doctor" -d 'Probe the backends, and the engine of a cluster, and recommend settings'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "demo" -d 'Run popgate with a built-in POP3 server'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "classify" -d 'Show how popgate interprets a server reply'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "cluster" -d 'Make the secret of several gates, examine the engine between them, and list them'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "status" -d 'Show the state of the running popgate at a glance'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "locks" -d 'List the locks of maildrops: who holds each, and who waits for it'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "top" -d 'Watch live where somebody waits, who holds the mailbox, and how the backends fare'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "sessions" -d 'List the open connections of mail programs'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "backends" -d 'List the backends: which are up, and how many connections each has'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "tenants" -d 'List the tenants: sessions, locks and waiters of each'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "explain" -d 'Show one user: who is in the mailbox, who waits, how the last logins ended and why, which limits hold, and whether the mailbox is shared'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "history" -d 'Show how logins and sessions went: the last ones, or those of a user and a time'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "report" -d 'Write a report on a user\'s trouble, for a ticket: what happened, who was in the mailbox, why'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "kick" -d 'Close a session, so that the next one in the queue gets the mailbox'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "blocks" -d 'List the entries of the block list, or pin and unpin them'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "release" -d 'Unblock entries of the block list; pinned entries stay'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "pause" -d 'Let the logins of a tenant or backend wait; open sessions go on'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "resume" -d 'Let the logins of a paused tenant or backend go on'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "drain" -d 'Stop gently: accept nobody new, let open sessions finish, then end'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "reload" -d 'Let the running popgate read its configuration and certificates anew'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "log" -d 'Show or change the log level of the running popgate'
complete -c popgate -n "__fish_popgate_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popgate -n "__fish_popgate_using_subcommand serve" -l config -d 'The configuration file' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand serve" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand check" -l config -d 'The configuration file' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand check" -l explain -d 'Show the effective settings for a login and where each comes from' -r
complete -c popgate -n "__fish_popgate_using_subcommand check" -l listener -d 'The listener that the client connects to; matters for a login without a domain' -r
complete -c popgate -n "__fish_popgate_using_subcommand check" -l server-name -d 'The server name that the client sends in TLS; matters for a login without a domain' -r
complete -c popgate -n "__fish_popgate_using_subcommand check" -l engine -d 'Also connect to the engine of [cluster], and say what it is and whether it will do'
complete -c popgate -n "__fish_popgate_using_subcommand check" -l json -d 'Output JSON'
complete -c popgate -n "__fish_popgate_using_subcommand check" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand doctor" -l config -d 'The configuration file' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand doctor" -l user -d 'The login of a test account' -r
complete -c popgate -n "__fish_popgate_using_subcommand doctor" -l password-file -d 'A file whose first line is the password of the test account' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand doctor" -l forms -d 'Also try other forms of the login, such as ann%example.com: up to 9 more logins'
complete -c popgate -n "__fish_popgate_using_subcommand doctor" -l json -d 'Output JSON'
complete -c popgate -n "__fish_popgate_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l pop3 -d 'Address for mail clients, plaintext with STLS' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l pop3s -d 'Address for mail clients, TLS' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l metrics -d 'Address of the page, the admin API and the metrics; on loopback they need no token' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l backend -d 'Address of the built-in server; port 0 picks a free port' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l refusal -d 'The reply of the built-in server if the mailbox is locked' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l linger -d 'Keep the lock this long after a disconnect' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l duel -d 'Compare N clients in one mailbox without popgate, with it, and with sharing, and exit' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l seed -d 'The seed of that day\'s random draws' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l hold -d 'How long each client of the comparison holds the mailbox' -r
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l busy -d 'Let a household of mail programs compete for six mailboxes until Ctrl-C'
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l household -d 'Compare a day of one mailbox\'s mail programs without and with sharing, in moved time, and exit'
complete -c popgate -n "__fish_popgate_using_subcommand demo" -l json -d 'Output the result of the comparison as JSON'
complete -c popgate -n "__fish_popgate_using_subcommand demo" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand classify" -l command -d 'The command that was answered; CONNECT for the greeting' -r
complete -c popgate -n "__fish_popgate_using_subcommand classify" -l config -d 'Use the phrases of a backend from this configuration file' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand classify" -l backend -d 'The backend whose phrases are used' -r
complete -c popgate -n "__fish_popgate_using_subcommand classify" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and not __fish_seen_subcommand_from secret check status help" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and not __fish_seen_subcommand_from secret check status help" -f -a "secret" -d 'Make a secret for all gates of a cluster'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and not __fish_seen_subcommand_from secret check status help" -f -a "check" -d 'Examine the Redis or Valkey that [cluster] names'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and not __fish_seen_subcommand_from secret check status help" -f -a "status" -d 'List the gates of the cluster, as the running popgate sees them'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and not __fish_seen_subcommand_from secret check status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from secret" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from check" -l config -d 'The configuration file' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from status" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from status" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from status" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from status" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from status" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "secret" -d 'Make a secret for all gates of a cluster'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "check" -d 'Examine the Redis or Valkey that [cluster] names'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "status" -d 'List the gates of the cluster, as the running popgate sees them'
complete -c popgate -n "__fish_popgate_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popgate -n "__fish_popgate_using_subcommand status" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand status" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand status" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand status" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand status" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand status" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l maildrop -d 'Only maildrops with this in their name, in any case' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l address -d 'Only where a client of this address or network holds or waits' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l tenant -d 'Only where a login of this tenant holds or waits' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l backend -d 'Only maildrops on this backend' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l sort -d 'Sort by this key; with a minus sign in front, the greatest first' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l limit -d 'Show this many at most [default: all]' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l watch -d 'Redraw every second until Ctrl-C; needs a terminal'
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l all -d 'Those of all gates of the cluster, each with the name of its gate'
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l contended -d 'Only maildrops that somebody waits for'
complete -c popgate -n "__fish_popgate_using_subcommand locks" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand locks" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand top" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand top" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand top" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand top" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand top" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l maildrop -d 'Only those whose login has this in its name, in any case' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l address -d 'Only those from this address or network' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l tenant -d 'Only those of this tenant' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l listener -d 'Only those on this listener' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l backend -d 'Only those on this backend' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l phase -d 'Only those in this phase: greeting, authorization, waiting, logging_in, viewing (logged in, without the mailbox), transaction, update (QUIT is not answered yet) or closing' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l sort -d 'Sort by this key; with a minus sign in front, the greatest first' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l limit -d 'Show this many at most [default: all]' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand sessions" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l sort -d 'Sort by this key; with a minus sign in front, the greatest first' -r
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l limit -d 'Show this many at most [default: all]' -r
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l paused -d 'Only those that are paused'
complete -c popgate -n "__fish_popgate_using_subcommand backends" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand backends" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l sort -d 'Sort by this key; with a minus sign in front, the greatest first' -r
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l limit -d 'Show this many at most [default: all]' -r
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l paused -d 'Only those that are paused'
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand tenants" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l listener -d 'The listener that the client connects to; matters for a login without a domain' -r
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l server-name -d 'The server name that the client sends in TLS; matters for a login without a domain' -r
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand explain" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand explain" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand history" -l since -d 'Only what was not over yet at this time' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l until -d 'Only what began before this time' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l end -l outcome -d 'Only what ended so: an `end` of the metric popgate_sessions_total; may be repeated' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l address -d 'Only those from this address or IPv6 /64' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l tenant -d 'Only logins of this tenant' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l limit -d 'Show the last N of them' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand history" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand history" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand history" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand history" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand history" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand report" -l at -d 'When it was: `14:00`, `2h` (ago), `2026-11-27 14:00`, or as in RFC 3339' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l entry -d 'The login of this entry of the history, however it ended: ENTRY in `popgate history`' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l since -d 'Look at logins from this time on [default: a week ago]' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l lang -d 'Language: en, de, pt or vi [default: that of the environment, else en]' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l output -d 'Write the report to this file, which only its owner can read [default: standard output]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand report" -l svg -d 'Write the picture of the time around to this file' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand report" -l listener -d 'The listener that the client connects to; matters for a login without a domain' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l server-name -d 'The server name that the client sends in TLS; matters for a login without a domain' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand report" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand report" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand report" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand report" -l force -d 'Overwrite files that are there'
complete -c popgate -n "__fish_popgate_using_subcommand report" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l maildrop -d 'The session that holds this mailbox now, by the name that `popgate locks` shows' -r
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l gate -d 'The gate of the cluster that has the session, by the name that `popgate locks --all` shows' -r
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l reason -d 'Why, for the log' -r
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand kick" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand kick" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l maildrop -d 'Only entries of this mailbox; to list them, a part of its name will do' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l address -d 'Only entries of this address or IPv6 /64; to list them, a network will do' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l tenant -d 'Only entries of this tenant' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l reason -d 'Only entries with this reason' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l state -d 'Only entries in this state: `blocked`, `released`, or `counting`: not blocked, with transient faults today' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l sort -d 'Sort by this key; with a minus sign in front, the greatest first' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l limit -d 'Show this many at most [default: all]' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l pin -d 'Freeze entries in their state: blocked for good, or never blocked again'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l unpin -d 'Undo --pin'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -a "history" -d 'Show what became of an entry of the block list, and by whom'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and not __fish_seen_subcommand_from history help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from history" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from history" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from history" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from history" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from history" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from help" -f -a "history" -d 'Show what became of an entry of the block list, and by whom'
complete -c popgate -n "__fish_popgate_using_subcommand blocks; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popgate -n "__fish_popgate_using_subcommand release" -l maildrop -d 'Only entries of this mailbox; to list them, a part of its name will do' -r
complete -c popgate -n "__fish_popgate_using_subcommand release" -l address -d 'Only entries of this address or IPv6 /64; to list them, a network will do' -r
complete -c popgate -n "__fish_popgate_using_subcommand release" -l tenant -d 'Only entries of this tenant' -r
complete -c popgate -n "__fish_popgate_using_subcommand release" -l reason -d 'Only entries with this reason' -r
complete -c popgate -n "__fish_popgate_using_subcommand release" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand release" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand release" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand release" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand release" -l all -d 'All entries'
complete -c popgate -n "__fish_popgate_using_subcommand release" -l yes -d 'Do not ask'
complete -c popgate -n "__fish_popgate_using_subcommand release" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand release" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand pause" -l reason -d 'Why, for the log' -r
complete -c popgate -n "__fish_popgate_using_subcommand pause" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand pause" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand pause" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand pause" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand pause" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popgate -n "__fish_popgate_using_subcommand resume" -l reason -d 'Why, for the log' -r
complete -c popgate -n "__fish_popgate_using_subcommand resume" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand resume" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand resume" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand resume" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand resume" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l grace -d 'How long open sessions may go on, such as 90s or 5m [default: `grace` of the configuration]' -r
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l reason -d 'Why, for the log' -r
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l no-wait -d 'Do not wait for the end'
complete -c popgate -n "__fish_popgate_using_subcommand drain" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand drain" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand reload" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand reload" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand reload" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand reload" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand reload" -l json -d 'Output JSON'
complete -c popgate -n "__fish_popgate_using_subcommand reload" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand log" -l config -d 'Its configuration file [default: /etc/popgate/popgate.toml]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand log" -l admin -d 'URL of its admin port, such as http://127.0.0.1:9110' -r
complete -c popgate -n "__fish_popgate_using_subcommand log" -l token-file -d 'File with the token of that port' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand log" -l ca -d 'Authorities for an https URL, PEM [default: those of the system]' -r -F
complete -c popgate -n "__fish_popgate_using_subcommand log" -l json -d 'Output JSON, as the API answers it'
complete -c popgate -n "__fish_popgate_using_subcommand log" -s h -l help -d 'Print help'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "serve" -d 'Run the proxy'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "check" -d 'Validate a configuration file'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "doctor" -d 'Probe the backends, and the engine of a cluster, and recommend settings'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "demo" -d 'Run popgate with a built-in POP3 server'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "classify" -d 'Show how popgate interprets a server reply'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "cluster" -d 'Make the secret of several gates, examine the engine between them, and list them'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "status" -d 'Show the state of the running popgate at a glance'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "locks" -d 'List the locks of maildrops: who holds each, and who waits for it'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "top" -d 'Watch live where somebody waits, who holds the mailbox, and how the backends fare'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "sessions" -d 'List the open connections of mail programs'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "backends" -d 'List the backends: which are up, and how many connections each has'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "tenants" -d 'List the tenants: sessions, locks and waiters of each'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "explain" -d 'Show one user: who is in the mailbox, who waits, how the last logins ended and why, which limits hold, and whether the mailbox is shared'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "history" -d 'Show how logins and sessions went: the last ones, or those of a user and a time'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "report" -d 'Write a report on a user\'s trouble, for a ticket: what happened, who was in the mailbox, why'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "kick" -d 'Close a session, so that the next one in the queue gets the mailbox'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "blocks" -d 'List the entries of the block list, or pin and unpin them'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "release" -d 'Unblock entries of the block list; pinned entries stay'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "pause" -d 'Let the logins of a tenant or backend wait; open sessions go on'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "resume" -d 'Let the logins of a paused tenant or backend go on'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "drain" -d 'Stop gently: accept nobody new, let open sessions finish, then end'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "reload" -d 'Let the running popgate read its configuration and certificates anew'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "log" -d 'Show or change the log level of the running popgate'
complete -c popgate -n "__fish_popgate_using_subcommand help; and not __fish_seen_subcommand_from serve check doctor demo classify cluster status locks top sessions backends tenants explain history report kick blocks release pause resume drain reload log help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popgate -n "__fish_popgate_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "secret" -d 'Make a secret for all gates of a cluster'
complete -c popgate -n "__fish_popgate_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "check" -d 'Examine the Redis or Valkey that [cluster] names'
complete -c popgate -n "__fish_popgate_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "status" -d 'List the gates of the cluster, as the running popgate sees them'
complete -c popgate -n "__fish_popgate_using_subcommand help; and __fish_seen_subcommand_from blocks" -f -a "history" -d 'Show what became of an entry of the block list, and by whom'

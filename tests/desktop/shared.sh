# The scenes of sharing, for `run`: the program checks for mail by itself, once a minute.
# shellcheck shell=bash disable=SC2154

# Another program of the same user has the maildrop at the second check, with a message marked as
# deleted, for longer than the wait. New mail comes before the third one.
scene_shared-spent() {
    local holder
    await_connection 1
    remember_mail first
    hold_with_mark &
    holder=$!
    await_connection 2
    remember_mail second
    kill "$holder"
    expect_unchanged first second
    expect_count 'let in when the wait was spent' 1 "$(let_in wait_spent)"
    deliver
    await_connection 3
    remember_mail third
    expect_mail_once 6
}

# The second and the fourth check are within `fresh` of the last login; new mail comes before the
# second.
scene_shared-poll() {
    await_connection 1
    remember_mail first
    deliver
    await_connection 2
    remember_mail second
    expect_unchanged first second
    await_connection 3
    remember_mail third
    await_connection 4
    remember_mail fourth
    expect_unchanged third fourth
    expect_count 'let in on a fresh listing' 2 "$(let_in fresh)"
    expect_count 'logins at the server' 2 "$(grep -c '^LOGIN' "$STAGE/server.log")"
    expect_mail_once 6
}

start_server_with_mail() {
    local number
    mkdir "$STAGE/maildrop"
    for number in 1 2 3 4 5; do message "$number" >"$STAGE/maildrop/$number"; done
    python3 server.py "$IP:2110" "$USER_NAME" "$PASSWORD" "$STAGE/maildrop" "$STAGE/server.log" &
}

message() {
    cat <<MAIL
From: Ben <ben@example.org>
To: Ann <$USER_NAME>
Date: Mon, 2 Nov 2026 10:0$1:00 +0000
Message-ID: <$1@example.org>
Subject: message $1

The text of message $1.
MAIL
}

deliver() { message 6 >"$STAGE/maildrop/6"; }

# It is not closed for being idle, and nobody is let in as long as it might delete.
hold_with_mark() {
    exec python3 - "$IP" "$USER_NAME" "$PASSWORD" 2>"$STAGE/holder.log" <<'PYTHON'
import poplib, sys, time
host, user, password = sys.argv[1:]
maildrop = poplib.POP3(host, 1110)
maildrop.user(user)
maildrop.pass_(password)
maildrop.dele(1)
while True:
    maildrop.noop()
    time.sleep(0.5)
PYTHON
}

# Waits until the program has had so many connections, and has written down what it has.
await_connection() {
    local second
    for ((second = 0; second < 150; second++)); do
        if grep -qP "^$1\t.*\t(client|server)\t\(closes\)$" "$RECORDING"; then
            sleep 5
            return 0
        fi
        sleep 1
    done
    fail "no connection $1 within $second s"
}

# The program's state file, and how many messages it has.
remember_mail() {
    "mail_of_$PROGRAM" >"$STAGE/$1.mail"
    keep_screen "$(basename "$RECORDING" .tsv)-$1"
}

mail_of_claws-mail() { ids_and_files "$HOME/.claws-mail"; }

mail_of_sylpheed() { ids_and_files "$HOME/.sylpheed-2.0"; }

# Sylpheed keeps the list of before, and both write down when they saw an id last.
ids_and_files() {
    find "$1/uidl" -type f ! -name '*.bak' -exec cut -f 1 {} + | sort
    echo "messages: $(find "$HOME/Mail/inbox" -name '[0-9]*' | wc -l)"
}

mail_of_thunderbird() {
    cat "$HOME/profile/Mail/$IP/popstate.dat"
    printf '\nmessages: %s\n' "$(grep -c '^From ' "$HOME/profile/Mail/$IP/Inbox")"
}

expect_unchanged() {
    diff "$STAGE/$1.mail" "$STAGE/$2.mail" || fail "its mail is not the same after the $2 check"
}

# Each message was fetched once, nothing was deleted, and the program has all of it.
expect_mail_once() {
    expect_count 'messages fetched' "$1" "$(grep -c '^RETR' "$STAGE/server.log")"
    expect_count 'different messages fetched' "$1" \
        "$(grep '^RETR' "$STAGE/server.log" | sort -u | wc -l)"
    expect_count 'messages at the server' "$1" "$(find "$STAGE/maildrop" -type f | wc -l)"
    expect_count 'messages of the program' "$1" \
        "$(sed -n 's/^messages: //p' "$(ls -t "$STAGE"/*.mail | head -n 1)")"
}

let_in() {
    python3 - "http://$IP:9110/metrics" "$1" <<'PYTHON'
import re, sys, urllib.request
page = urllib.request.urlopen(sys.argv[1]).read().decode()
lines = re.findall(r"^popgate_sharing_let_in_total\{.*reason=\"%s\".*\} (\d+)$" % sys.argv[2], page, re.M)
print(sum(map(int, lines)))
PYTHON
}

expect_count() {
    printf '   %s: %s\n' "$1" "$3"
    [[ $2 == "$3" ]] || fail "$1: $3 and not $2"
}

fail() {
    echo "   FAILED: $*" >&2
    FAILURES=$((FAILURES + 1))
}

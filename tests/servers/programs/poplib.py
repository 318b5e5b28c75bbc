"""Prints the messages of a maildrop; the task "take" deletes each one that is printed.

The task "poll" prints those that it has not printed before, and leaves without QUIT as phones do.
"""

import os
import poplib
import ssl
import sys

task, mode, host, port, certificate, user, password = sys.argv[1:]
context = None if mode == "off" else ssl.create_default_context(cafile=certificate)
if mode == "implicit":
    maildrop = poplib.POP3_SSL(host, int(port), context=context)
else:
    maildrop = poplib.POP3(host, int(port))
if mode == "stls":
    maildrop.stls(context=context)
maildrop.user(user)
maildrop.pass_(password)
numbers = range(1, maildrop.stat()[0] + 1)
ids = {}
if task == "poll":
    seen = set(open("seen").read().split()) if os.path.exists("seen") else set()
    ids = dict(reversed(line.decode().split()) for line in maildrop.uidl()[1])
    numbers = sorted(int(number) for id, number in ids.items() if id not in seen)
for number in numbers:
    _, lines, _ = maildrop.retr(number)
    print(*[line.decode() for line in lines], sep="\n", flush=True)
    if task == "take":
        maildrop.dele(number)
if task == "poll":
    print(*ids, file=open("seen", "w"))
    maildrop.close()
else:
    maildrop.quit()

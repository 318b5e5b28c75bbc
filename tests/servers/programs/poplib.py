"""Prints the messages of a maildrop; the task "take" deletes each one that is printed."""

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
for number in range(1, maildrop.stat()[0] + 1):
    _, lines, _ = maildrop.retr(number)
    print(*[line.decode() for line in lines], sep="\n", flush=True)
    if task == "take":
        maildrop.dele(number)
maildrop.quit()

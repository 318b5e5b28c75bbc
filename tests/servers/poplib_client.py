"""Retrieves the only message of a maildrop, keeps it, and prints its subject."""

import poplib
import ssl
import sys

mode, host, port, certificate, user, password = sys.argv[1:]
context = None if mode == "off" else ssl.create_default_context(cafile=certificate)
if mode == "implicit":
    maildrop = poplib.POP3_SSL(host, int(port), context=context)
else:
    maildrop = poplib.POP3(host, int(port))
if mode == "stls":
    maildrop.stls(context=context)
maildrop.user(user)
maildrop.pass_(password)
assert maildrop.stat()[0] == 1
_, lines, _ = maildrop.retr(1)
print(*[line.decode() for line in lines if line.startswith(b"Subject: ")])
maildrop.quit()

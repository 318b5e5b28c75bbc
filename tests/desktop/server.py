"""A POP3 server of one maildrop, whose messages are the files of a folder, by name.

usage: server.py HOST:PORT USER PASSWORD FOLDER LOG

The maildrop is locked from PASS to the end of the connection, and what is put into the folder
meanwhile is new mail for the next login. The log has each RETR and DELE with the file's name, and
LOGIN for each login.
"""

import pathlib
import socketserver
import sys
import threading

address, USER, PASSWORD, folder, log = sys.argv[1:]
FOLDER = pathlib.Path(folder)
LOG = open(log, "w", buffering=1)
LOCK = threading.Lock()
CAPABILITIES = ("USER", "UIDL", "TOP", "PIPELINING")


class Session(socketserver.StreamRequestHandler):
    user, files, marks, inside = "", (), frozenset(), False

    def handle(self):
        self.say("+OK ready")
        try:
            while line := self.rfile.readline():
                words = line.decode(errors="replace").split()
                if words and not self.answer(words[0].upper(), words[1:]):
                    break
        except ConnectionError:
            pass
        finally:
            if self.inside:
                LOCK.release()

    def say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def body(self, first, lines):
        self.say(first, *lines, ".")

    def answer(self, verb, words):
        """Returns whether the session goes on."""
        if verb == "QUIT":
            for number in self.marks:
                self.files[number - 1].unlink()
            self.say("+OK bye")
            return False
        if verb == "CAPA":
            self.body("+OK", CAPABILITIES)
        elif not self.inside:
            self.log_in(verb, words)
        else:
            self.in_maildrop(verb, words)
        return True

    def log_in(self, verb, words):
        if verb == "USER":
            self.user = words[0]
            self.say("+OK")
        elif verb != "PASS" or (self.user, words[0]) != (USER, PASSWORD):
            self.say("-ERR [AUTH] wrong")
        elif not LOCK.acquire(blocking=False):
            self.say("-ERR [IN-USE] maildrop is locked")
        else:
            self.inside = True
            self.files = sorted(FOLDER.iterdir())
            print("LOGIN", file=LOG)
            self.say(f"+OK {len(self.files)} messages")

    def in_maildrop(self, verb, words):
        named = [int(words[0])] if words else None
        shown = [n for n in range(1, len(self.files) + 1) if n not in self.marks]
        if named and named[0] not in shown:
            self.say("-ERR no such message")
        elif verb == "STAT":
            self.say(f"+OK {len(shown)} {sum(map(self.size, shown))}")
        elif verb in ("LIST", "UIDL"):
            fact = self.size if verb == "LIST" else lambda n: f"id-{self.files[n - 1].name}"
            lines = [f"{n} {fact(n)}" for n in named or shown]
            self.say(f"+OK {lines[0]}") if named else self.body("+OK", lines)
        elif verb in ("RETR", "TOP"):
            self.note(verb, named[0])
            lines = self.files[named[0] - 1].read_text().splitlines()
            self.body("+OK", lines if verb == "RETR" else lines[: lines.index("") + 1])
        elif verb == "DELE":
            self.note(verb, named[0])
            self.marks |= {named[0]}
            self.say("+OK")
        elif verb in ("NOOP", "RSET"):
            self.marks = self.marks if verb == "NOOP" else frozenset()
            self.say("+OK")
        else:
            self.say("-ERR unknown")

    def size(self, number):
        # Each line has two octets of an end.
        text = self.files[number - 1].read_text()
        return len(text) + text.count("\n")

    def note(self, verb, number):
        print(verb, self.files[number - 1].name, file=LOG)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


host, port = address.split(":")
with Server((host, int(port)), Session) as server:
    server.serve_forever()

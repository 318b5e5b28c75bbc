"""Records what a mail program says to a POP3 server, with its timing and its segments.

usage: relay.py LISTEN SERVER RECORDING [REPLY]

Each line of the recording is: connection, seconds since it began, who, what. A client's segment
is one line, octets as in Python; of what the server says between two of them only the first line
is kept. With REPLY, STAT, LIST and UIDL are answered with it here, and do not reach the server.
"""

import asyncio
import base64
import re
import sys
import time

PASSWORD = "wonderland"
MAILBOX_COMMANDS = (b"STAT", b"LIST", b"UIDL")


def disguised(octets):
    """The octets without the password, which AUTH PLAIN has in base64."""
    def plain(match):
        try:
            decoded = base64.b64decode(match[0], validate=True)
        except ValueError:
            return match[0]
        return b"BASE64" if PASSWORD.encode() in decoded else match[0]

    octets = re.sub(rb"[A-Za-z0-9+/]{8,}=*", plain, octets)
    return octets.replace(PASSWORD.encode(), b"PASSWORD")


class Recording:
    def __init__(self, path):
        self.file = open(path, "w")
        self.connections = 0

    def connection(self):
        self.connections += 1
        number, begun = self.connections, time.monotonic()
        last = None

        def note(who, what):
            nonlocal last
            if who == last == "server" and what != "(closes)":
                return
            last = who
            self.file.write(f"{number}\t{time.monotonic() - begun:.3f}\t{who}\t{what}\n")
            self.file.flush()

        return note


async def carry_commands(client, server, replies, note, reply):
    while octets := await client.read(65536):
        note("client", repr(disguised(octets))[2:-1])
        if reply and octets.upper().startswith(MAILBOX_COMMANDS):
            replies.write(reply.encode() + b"\r\n")
            note("server", reply)
            continue
        server.write(octets)
    note("client", "(closes)")
    server.write_eof()


async def carry_replies(server, client, note):
    while octets := await server.read(65536):
        note("server", octets.split(b"\r\n")[0].decode(errors="replace"))
        client.write(octets)
    note("server", "(closes)")
    client.close()


async def main(listen, server, path, reply=None):
    recording = Recording(path)

    async def serve(client_reader, client_writer):
        note = recording.connection()
        note("client", "(connects)")
        server_reader, server_writer = await asyncio.open_connection(*server.split(":"))
        try:
            await asyncio.gather(
                carry_commands(client_reader, server_writer, client_writer, note, reply),
                carry_replies(server_reader, client_writer, note),
            )
        except OSError as error:
            note("client", f"(breaks off: {error.strerror})")
            server_writer.close()

    host, port = listen.split(":")
    async with await asyncio.start_server(serve, host, int(port)) as relay:
        await relay.serve_forever()


asyncio.run(main(*sys.argv[1:]))

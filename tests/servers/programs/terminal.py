"""Runs a program in a terminal of its own, wide enough for its messages. Keys come on stdin."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
sources = [terminal, 0]
try:
    while True:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            if keys := os.read(0, 1024):
                os.write(terminal, keys)
            else:
                sources.remove(0)
        if terminal in ready:
            if not (output := os.read(terminal, 1024)):
                break
            os.write(1, output)
except OSError:
    pass  # The program has closed its side of the terminal.
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

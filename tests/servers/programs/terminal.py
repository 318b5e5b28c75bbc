"""Runs a program in a terminal of its own, wide enough for its messages."""

import fcntl
import os
import pty
import struct
import sys
import termios

pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while output := os.read(terminal, 1024):
        os.write(1, output)
except OSError:
    pass  # The program has closed its side of the terminal.
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

# SPDX-License-Identifier: MIT
"""What the scripts of the NBD cases share: libnbd without its own checks, and a client of bare bytes."""
import errno
import os
import socket
import struct

import nbd

MIB = 1 << 20
OPTION_MAGIC = 0x49484156454F5054
REQUEST_MAGIC = 0x25609513
SIMPLE_MAGIC = 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
EXPORT_NAME, LIST, GO, STRUCTURED, LIST_META, SET_META = 1, 3, 7, 8, 9, 10
ACK, INFO_REPLY = 1, 3
READ, WRITE, BLOCK_STATUS = 0, 1, 7
PATIENCE_S = 30


def fail(text):
    raise SystemExit("fail: " + text)


def same(have, want, what):
    if have != want:
        if isinstance(want, bytes) and len(want) > 32:
            fail(f"{what}: wrong bytes")
        fail(f"{what}: have {have!r}, want {want!r}")


def connected(uri, structured=True):
    """A libnbd handle that sends what it is told, right or wrong."""
    h = nbd.NBD()
    h.set_request_structured_replies(structured)
    h.add_meta_context("base:allocation")
    h.connect_uri(uri)
    h.set_strict_mode(0)
    return h


def refuses(want, call, *args):
    """The server must answer with that error."""
    try:
        call(*args)
    except nbd.Error as error:
        same(error.errno, errno.errorcode[want], f"{call.__name__}{args[1:]}: {error}")
    else:
        fail(f"{call.__name__}{args[1:]} was not refused")


class Raw:
    """A client of bare bytes. Waiting for the server has an end."""

    def __init__(self, path, flags=FIXED_NEWSTYLE | NO_ZEROES):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        same(self.take(16), b"NBDMAGICIHAVEOPT", "the greeting")
        self.take(2)
        if flags is not None:
            self.send(struct.pack(">I", flags))

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(min(count - len(data), MIB))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def option(self, code, data=b""):
        self.send(struct.pack(">QII", OPTION_MAGIC, code, len(data)) + data)

    def option_reply(self):
        """Type and data of one reply."""
        _, _, kind, count = struct.unpack(">QIII", self.take(20))
        return kind, self.take(count)

    def go(self, name):
        """Type of the last reply."""
        self.option(GO, struct.pack(">I", len(name)) + name + struct.pack(">H", 0))
        while True:
            kind, _ = self.option_reply()
            if kind != INFO_REPLY:
                return kind

    def request(self, kind, cookie, offset, count, flags=0):
        self.send(struct.pack(">IHHQQI", REQUEST_MAGIC, flags, kind, cookie, offset, count))

    def simple_reply(self):
        """Error and cookie."""
        magic, error, cookie = struct.unpack(">IIQ", self.take(16))
        same(magic, SIMPLE_MAGIC, "magic of a simple reply")
        return error, cookie

    def is_closed(self):
        """The server hangs up, after whatever it had said."""
        try:
            while self.socket.recv(MIB):
                pass
        except ConnectionError:
            pass
        except socket.timeout:
            return False
        return True

    def close(self):
        self.socket.close()


def file_bytes(path, offset, count):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.pread(fd, count, offset)
    finally:
        os.close(fd)

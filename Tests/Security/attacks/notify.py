"""How a service, or somebody who is none, speaks to a notification socket."""

SAY = """
import array, os, socket, struct, sys, time

def address(name=None):
    name = name or os.environ["NOTIFY_SOCKET"]
    return "\\0" + name[1:] if name[0] == "@" else name

def say(text, name=None, rights=()):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    more = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", rights))] if rights else []
    sock.sendmsg([text.encode() if isinstance(text, str) else text], more, 0, address(name))
    sock.close()
"""

LINGER = SAY + """
def lingering(seconds):
    '''A TCP socket whose close waits: unsent bytes, a peer that does not read, and SO_LINGER.'''
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    sock = socket.create_connection(listener.getsockname())
    peer, _ = listener.accept()
    sock.setblocking(False)
    try:
        while True:
            sock.send(b"x" * 65536)
    except BlockingIOError:
        pass
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))
    return sock, (listener, peer)

def nested(sock):
    '''The socket in the queue of another one, which is sent.'''
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno()]))])
    one.close()
    sock.close()
    return two
"""

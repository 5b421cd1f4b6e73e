"""A loopback server that answers, stays silent or breaks off, to try the clients' patience."""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import requests


def reply(status: int, body: bytes, headers: str = "Content-Type: application/json") -> bytes:
    """A whole HTTP answer."""
    return (
        f"HTTP/1.1 {status} X\r\n{headers}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    )


def hold(_path: str) -> None:
    """Never answer."""


def body_of(request: requests.PreparedRequest) -> bytes:
    """The bytes of a request that `responses` caught."""
    body = request.body
    if body is None:
        return b""
    assert isinstance(body, (bytes, str))
    return body.encode() if isinstance(body, str) else body


class StubServer:
    """Serves one answer per connection; `answer(path)` gives the bytes, or None for silence.

    `heard` is handed the head of each request as it came.
    """

    def __init__(
        self, answer: Callable[[str], bytes | None], heard: Callable[[bytes], None] = lambda _head: None
    ) -> None:
        self._answer, self._heard = answer, heard
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._main = threading.Thread(target=self._accept)
        self._main.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._main.join()
        for connection in self._open:
            connection.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (chunk := connection.recv(65536)):
                return
            head += chunk
        self._heard(head)
        answer = self._answer(head.split(b" ")[1].decode())
        if answer is not None:
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)

"""A WSGI application on a loopback port, in a thread of this process."""

from threading import Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class DropConnection(ConnectionAbortedError):
    """Raised by an application that wants the caller to see a broken connection instead of an answer."""


class LoopbackServer:
    """Serves `application` on 127.0.0.1 until `stop`; port 0 lets the system choose.

    One connection per request, and no headers but the application's: it gives its own `Date`, because
    clients take the server's time from there.
    """

    def __init__(self, application: "WSGIApplication", port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, application, threaded=True, request_handler=_BareHandler
        )
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Answer what is being answered, then close the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _BareHandler(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def send_response(self, code: int, message: str | None = None) -> None:
        """The status line alone: the usual one adds `Server` and a `Date` of the machine's clock."""
        self.send_response_only(code, message)

    def connection_dropped(self, *_: object, **__: object) -> None:
        """Hang up at once, instead of waiting for another request on the same connection."""
        self.close_connection = True

    def log(self, *_: Any) -> None:
        """Emulators keep counters, not logs."""

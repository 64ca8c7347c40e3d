"""A server of files on this machine that knows Range requests and fails on demand."""

import contextlib
import http.server
import re
import threading


class FileServer:
    """Serves `files` (name to bytes) on a port of its own between `start` and `stop`.

    Attributes
    ----------
    asked : list of (str, str or None)
        Name and Range header of each request.
    served : int
        Bytes of files sent so far.
    cuts : list of int
        For the next requests, after how many bytes the connection is cut.
    ranges : bool
        Whether Range requests are understood.
    shift : int
        By how many bytes a part begins elsewhere than asked for.
    """

    def __init__(self):
        self.files, self.asked, self.cuts = {}, [], []
        self.served, self.shift, self.port, self.ranges = 0, 0, 0, True

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner._answer(self)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request):
        asked = request.headers.get("Range")
        name = request.path.rsplit("/", 1)[1]
        self.asked.append((request.path.lstrip("/"), asked))
        if name not in self.files:
            request.send_error(404)
            return
        content, status, begin = self.files[name], 200, 0
        if asked and self.ranges:
            begin, status = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) + self.shift, 206
            if begin >= len(content):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(content)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
        body = content[begin:]
        request.send_response(status)
        if status == 206:
            last = len(content) - 1
            request.send_header("Content-Range", f"bytes {begin}-{last}/{len(content)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.cuts:
            body = body[: self.cuts.pop(0)]
        self.served += len(body)
        with contextlib.suppress(ConnectionError):  # a client may leave early
            request.wfile.write(body)

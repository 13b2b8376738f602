"""A web server of this machine whose answers stall, break off or have another length than they say."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.asked[name] += 1
        faults = self.server.faults[name]
        fault = faults.pop(0) if faults else None
        file = Path(self.translate_path(self.path))
        if not file.is_file():
            return self.send_error(404)
        if fault == "403":
            return self.send_error(403)
        content = file.read_bytes()
        if fault == "longer":
            content += b"more"
        if fault == "shorter":
            content = content[:-5]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if fault in ("stall", "cut"):
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if fault == "stall":
                self.server.going_on.wait(20)
            self.close_connection = True
            return None
        self.wfile.write(content)
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.asked, self.faults = defaultdict(int), defaultdict(list)
        self.going_on = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.going_on.set()
        self.shutdown()
        self.server_close()
        time.sleep(0.05)

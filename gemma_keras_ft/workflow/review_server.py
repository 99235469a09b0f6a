"""Serves the review to a browser on this machine, and writes decisions down."""

import datetime
import hmac
import http.server
import json
import secrets
import threading
import urllib.parse
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gemma_keras_ft.preprocessing.culture.decision_rows import (
    DECISIONS,
    BadDecision,
    Decision,
    append_decision,
    lines_sha256,
)
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.preprocessing.culture.replay import edit_problem
from gemma_keras_ft.preprocessing.store import read_dataset
from gemma_keras_ft.workflow.review_page import content_policy, render_page
from gemma_keras_ft.workflow.review_queue import (
    guard_of,
    review_again,
    review_items,
)

HOST = "127.0.0.1"
_LARGEST_BODY = 4 * 2**20
_SECONDS = 30


def serve_review(
    dataset: str | Path,
    port: int = 0,
    reviewer: str | None = None,
    open_browser: bool = True,
    *,
    protected: ProtectedPhrases | None = None,
    say: Callable[[str], Any] = print,
) -> None:
    """Serves the review on this machine until it is interrupted (Ctrl-C).

    Listens on 127.0.0.1 alone, and answers only who knows the address's secret part.
    Every decision is appended to the dataset's `decisions.jsonl` at once.

    Args:
        dataset: The folder that `curate` wrote.
        port: Where to listen; 0 takes a free port.
        reviewer: Who reviews; the page asks if it isn't given.
        open_browser: Whether to open the page in the user's browser.
        protected: Phrases that no edit may touch; those of the curation by default.
        say: Takes the sentences for the user, the page's address among them.

    Raises:
        FileNotFoundError: If the folder holds no dataset.
        OSError: If the port is taken.
        ValueError: If a file of the dataset was changed since it was written, or the
            port is none.
    """
    with ReviewServer(dataset, port, reviewer, protected=protected) as server:
        say(f"Review at {server.url}")
        say(f"Decisions go to {server.decisions}. Stop with Ctrl-C.")
        if open_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("Stopped; every decision is kept.")


class ReviewServer(http.server.ThreadingHTTPServer):
    """The review's web server; a context manager, as its base is.

    Args:
        dataset: The folder that `curate` wrote.
        port: Where to listen; 0 takes a free port.
        reviewer: Who reviews, if it is known.
        protected: Phrases that no edit may touch; those of the curation by default.

    Raises:
        FileNotFoundError: If the folder holds no dataset.
        OSError: If the port is taken.
        ValueError: If a file of the dataset was changed since it was written, or the
            port is none.
    """

    daemon_threads = True

    def __init__(
        self,
        dataset: str | Path,
        port: int = 0,
        reviewer: str | None = None,
        *,
        protected: ProtectedPhrases | None = None,
    ):
        if not isinstance(port, int) or not 0 <= port < 2**16:
            raise ValueError(
                f"`port` must be from 0 to 65535. Received: port={port!r}."
            )
        self._dataset = read_dataset(dataset)
        self._guard = guard_of(protected, self._dataset)
        self._reviewer = reviewer
        self._lock = threading.Lock()
        self.decisions = self._dataset.directory / DECISIONS
        self.token = secrets.token_urlsafe(24)
        self._items = review_items(self._dataset, self._guard)
        self._records = {item.record.id: item.record for item in self._items}
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise OSError(
                f"`port` must be free. Received: port={port!r}: {error}. "
                "Choose another, or 0 for any."
            ) from error

    @property
    def origin(self) -> str:
        """The page's scheme, host and port."""
        return f"http://{HOST}:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """The page's address, with its secret part."""
        return f"{self.origin}/{self.token}/"

    def page(self) -> str:
        """Renders the page as things stand now."""
        with self._lock:
            return render_page(
                review_again(self._items, self._dataset, self._guard),
                self._dataset,
                guard=self._guard,
                reviewer=self._reviewer,
                served=True,
            )

    def decide(self, row: Any) -> Decision:
        """Checks a decision that the page sent, and writes it down.

        Raises:
            BadDecision: If it is none, or one that may not be made.
            OSError: If it can't be written.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        decision = Decision.from_row({**row, "time": now} if type(row) is dict else row)
        record = self._records.get(decision.record_id)
        if record is None or lines_sha256(record.lines) != decision.lines_sha256:
            raise BadDecision(
                "unknown_song",
                "The dataset holds no such song now. Load the page anew.",
            )
        if decision.lines is not None:
            why = edit_problem(record, record.lines, decision.lines, self._guard)
            if why:
                raise BadDecision("refused", why)
        with self._lock:
            append_decision(self.decisions, decision)
        return decision


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ReviewServer  # pyright: ignore[reportIncompatibleVariableOverride]
    server_version = "gemma-keras-ft"
    sys_version = ""
    timeout = _SECONDS

    def do_GET(self) -> None:
        if not self._is_ours():
            self._answer(404, "Not found.")
        elif self._path() == "":
            self._answer(200, self.server.page(), kind="text/html")
        else:
            self._answer(404, "Not found.")

    def do_POST(self) -> None:
        # What another site's page can make a browser send lacks the token, the
        # origin, or, without asking us first, the type.
        if not self._is_ours() or self._path() != "decisions":
            self._answer(404, "Not found.")
        elif self.headers.get("Origin") != self.server.origin:
            self._answer(403, "Decisions are taken from the review's own page alone.")
        elif self.headers.get_content_type() != "application/json":
            self._answer(415, "A decision must be JSON.")
        else:
            self._take_decision()

    def _take_decision(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isascii() or not size.isdigit() or int(size) > _LARGEST_BODY:
            self._answer(413, f"A decision must have 0 to {_LARGEST_BODY} bytes.")
            return
        try:
            decision = self.server.decide(json.loads(self.rfile.read(int(size))))
        except (ValueError, RecursionError) as error:
            self._answer_json(422, {"error": str(error)})
        except OSError as error:
            self._answer_json(500, {"error": f"It could not be written: {error}"})
        else:
            self._answer_json(200, decision.to_row())

    def _is_ours(self) -> bool:
        # A name that an attacker's DNS points here comes with its own Host.
        host = self.headers.get("Host", "")
        token = self.path.split("/")[1] if self.path.startswith("/") else ""
        return host == self.server.origin.removeprefix("http://") and (
            hmac.compare_digest(token.encode(), self.server.token.encode())
        )

    def _path(self) -> str | None:
        """Returns the path below the token; None where there is no such folder."""
        path = urllib.parse.urlsplit(self.path).path
        _, _, below = path.removeprefix("/").partition("/")
        return below if path.count("/") >= 2 else None

    def _answer_json(self, status: int, value: Any) -> None:
        self._answer(status, json.dumps(value), kind="application/json")

    def _answer(self, status: int, text: str, *, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        policy = content_policy(served=True)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal is the user's, and an address is a secret."""

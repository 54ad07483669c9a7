"""`python queue_worker.py --queue FILE --controllers HOST:PORT,…`: works off a queue, as a policy that fails over.

The queue is a SQLite file on storage that all servers see, made with `--add TEXT`. The policy may be moved while an item is
worked on, and on_disconnect OVERLAP may even run two workers at once. So the item is finished in one transaction with a comparison
of tokens: a worker that was taken over can finish nothing, however late it wakes up. The check before each item only saves work.
Exit code 0: the queue is empty (with --until-empty); 3: another attempt has taken over.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time

import locum

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, body TEXT NOT NULL, done_by INTEGER);
CREATE TABLE IF NOT EXISTS fence (only INTEGER PRIMARY KEY CHECK (only = 1), token INTEGER NOT NULL);
INSERT OR IGNORE INTO fence VALUES (1, 0);
"""


class TakenOver(Exception):
    """A higher token has been here."""


def open_queue(file: str) -> sqlite3.Connection:
    # Transactions are begun by hand, so that each takes the lock before it reads.
    queue = sqlite3.connect(file, timeout=10, isolation_level=None)
    queue.executescript(SCHEMA)
    return queue


def finish(queue: sqlite3.Connection, item: int, token: int) -> None:
    queue.execute("BEGIN IMMEDIATE")
    try:
        raised = queue.execute("UPDATE fence SET token = ? WHERE token <= ?", (token, token)).rowcount
        if raised == 0:
            raise TakenOver
        queue.execute("UPDATE items SET done_by = ? WHERE id = ? AND done_by IS NULL", (token, item))
        queue.execute("COMMIT")
    except BaseException:
        queue.execute("ROLLBACK")
        raise


def may_go_on(fence: locum.Fence) -> bool:
    """Nothing is known while no controller answers: then it waits, as if fenced."""
    try:
        fence.assert_current()
        return True
    except locum.FencedError:
        raise
    except locum.CallFailed as failure:
        print(f"not working: {failure}", file=sys.stderr)
        return False


def work(queue: sqlite3.Connection, fence: locum.Fence, until_empty: bool) -> None:
    while True:
        row = queue.execute("SELECT id, body FROM items WHERE done_by IS NULL ORDER BY id LIMIT 1").fetchone()
        if row is None and until_empty:
            return
        if row is None or not may_go_on(fence):
            time.sleep(1)
            continue
        item, body = row
        print(f"working on {item}: {body}", flush=True)
        finish(queue, item, fence.token)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--queue", required=True)
    words.add_argument("--controllers", default="127.0.0.1:7400")
    words.add_argument("--add", action="append", default=[], metavar="TEXT")
    words.add_argument("--until-empty", action="store_true")
    given = words.parse_args()
    queue = open_queue(given.queue)
    if given.add:
        queue.executemany("INSERT INTO items (body) VALUES (?)", [(text,) for text in given.add])
        return 0
    with locum.connect(given.controllers.split(",")) as client:
        try:
            work(queue, locum.Fence(client), given.until_empty)
        except (TakenOver, locum.FencedError):
            print("another attempt has taken over", file=sys.stderr)
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())

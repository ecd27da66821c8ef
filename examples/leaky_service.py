"""A small service that leaks in four ways, each of them common.

It answers made-up requests from a queue with two worker threads. Every request leaves something behind:

1. an `AuditRecord` in a list that only grows;
2. a `Session` in a cache whose key is the request's own number, so that no entry is ever found again;
3. an `Upload` in a cycle with its part: when the collector finds the cycle, the finalizer puts the upload
   aside "to be closed later", and nobody ever does;
4. a `Row` among the local variables of a thread that waits for a "go" that never comes.

Standard library only, and no network. Run it to see the numbers grow:

    python leaky_service.py

`demo.py` beside it shows how to find each leak.
"""

import gc
import queue
import threading
import time

AUDIT_LOG = []  # leak 1: appended to, never cut
SESSIONS = {}  # leak 2: a cache that is only written
UNCLOSED = []  # leak 3: filled by a finalizer

USERS = ("ada", "grace", "barbara", "annie")
WORKERS = 2
ROWS_PER_REQUEST = 1


class Request:
    """What a client asked for."""

    def __init__(self, number):
        self.number = number
        self.user = USERS[number % len(USERS)]
        self.path = f"/files/{number}"


class AuditRecord:
    """One line of the log of who asked for what."""

    def __init__(self, request):
        self.who = request.user
        self.what = f"GET {request.path}"
        self.when = time.time()


class Session:
    """What the service remembers of a visitor."""

    def __init__(self, request):
        self.user = request.user
        self.visited = [request.path]
        self.basket = {"items": [], "total": 0.0}


class Part:
    """A piece of an upload, which knows the whole."""

    def __init__(self, upload, data):
        self.upload = upload
        self.data = data


class Upload:
    """An upload and its part hold each other: only the collector can free them."""

    def __init__(self, request):
        self.path = request.path
        self.part = Part(self, data=b"\0" * 100)

    def __del__(self):
        UNCLOSED.append(self)  # meant for a clean-up that was never written


class Row:
    """A line of the yearly report."""

    def __init__(self, request):
        self.cells = [request.user, request.path, 1]


class Report(threading.Thread):
    """Gathers rows in a local variable until it is told to print them."""

    def __init__(self):
        super().__init__(name="yearly-report", daemon=True)
        self.inbox = queue.SimpleQueue()
        self.stopped = threading.Event()

    def run(self):
        pending = []  # leak 4: lives as long as this call, and this call never ends
        while True:
            row = self.inbox.get()
            if row is None:
                break
            pending.append(row)
            del row
        self.stopped.set()


class Service:
    """Worker threads around a queue of requests."""

    def __init__(self):
        self.requests = queue.Queue()
        self.served = 0
        self.report = Report()
        self.workers = [
            threading.Thread(target=self.work, name=f"worker-{number}", daemon=True)
            for number in range(WORKERS)
        ]

    def start(self):
        self.report.start()
        for worker in self.workers:
            worker.start()

    def work(self):
        while True:
            request = self.requests.get()
            if request is not None:
                self.handle(request)
            self.requests.task_done()
            if request is None:
                return
            del request

    def handle(self, request):
        AUDIT_LOG.append(AuditRecord(request))
        SESSIONS[request.number] = Session(request)
        Upload(request)
        for _ in range(ROWS_PER_REQUEST):
            self.report.inbox.put(Row(request))

    def serve(self, count):
        """Answers `count` more requests and returns when all are done."""
        first = self.served
        for number in range(first, first + count):
            self.requests.put(Request(number))
        self.requests.join()
        self.served += count
        while not self.report.inbox.empty():  # let the report catch up
            time.sleep(0.001)

    def stop(self):
        for _ in self.workers:
            self.requests.put(None)
        for worker in self.workers:
            worker.join()
        self.report.inbox.put(None)
        self.report.join()


def main():
    service = Service()
    service.start()
    for _ in range(3):
        service.serve(2000)
        gc.collect()
        print(
            f"{service.served} requests answered; left behind: {len(AUDIT_LOG)} audit records, "
            f"{len(SESSIONS)} sessions, {len(UNCLOSED)} unclosed uploads"
        )
    service.stop()


if __name__ == "__main__":
    main()
